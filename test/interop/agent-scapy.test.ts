import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { read } from '../security/captures.js';
import { agent, malformed, run, sample, scapyPeer, USER } from './agents.js';

const peer = scapyPeer();
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-scapy-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An address of the loopback whose port 135 nobody else has. */
const HOST = '127.0.0.135';

describe.skipIf(peer === null)("the update agent, driven by scapy's DCOM client with its defaults", () => {
  it('answers a search at integrity, in the one transfer syntax that DCOM has', async () => {
    const capture = join(folder, 'scapy.pcapng');
    const serving = await agent(capture, { host: HOST, port: 135 });
    const [command, ...args] = peer ?? [''];
    const { out, err } = await run(command, [...args, HOST, USER.user, USER.password]).finally(() => serving.close());
    expect(err).toBe('');
    const found = sample.updates.filter((one) => !one.installed);
    const superseded = new Set(found.flatMap((one) => one.supersedes));
    const shown = found.filter((one) => !superseded.has(one.id));
    expect(JSON.parse(out)).toEqual({
      code: 2,
      count: shown.length,
      mandatory: shown.map((one) => one.mandatory),
    });
    const { calls } = await read(capture, { passwords: [USER] });
    const titles = calls.filter((call) => call.interface === 'IUpdate');
    expect(titles).toHaveLength(shown.length);
    expect(calls.filter((call) => call.exchange.context?.transfer !== 'ndr20')).toEqual([]);
    expect(new Set(titles.map((call) => `${call.auth.level} ${call.auth.verdict}`))).toEqual(
      new Set(['integrity good']),
    );
    expect(malformed(capture)).toBe('');
  });
});
