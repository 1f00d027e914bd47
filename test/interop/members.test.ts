import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { full } from '../peer/server/support.js';
import { PLAN } from '../replay/agent/plan.js';
import { read } from '../security/captures.js';
import { agent, goPeer, impacketPeer, malformed, USER } from './agents.js';
import { ARRAY, expectGo, expectImpacket, MEMBERS, planPeer, walk } from './walks.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-members-'));
afterAll(() => rmSync(folder, { recursive: true }));

const go = goPeer();
const impacket = impacketPeer();

describe('every member of [MS-UAMG], by type and value', () => {
  it('is in the plan, and succeeds once at least', () => expect(MEMBERS.size).toBe(213));

  it.skipIf(go === null)(
    'early bound by go-msrpc',
    async () => {
      const capture = join(folder, 'go.pcapng');
      const serving = await agent(capture, {}, full);
      expectGo(await walk(go, 'go', serving.port).finally(() => serving.close()));
      const { calls } = await read(capture, { passwords: [USER] });
      expect(calls.flatMap((call) => call.problems)).toEqual([]);
      expect(malformed(capture)).toBe('');
      process.stderr.write(`go-msrpc: ${PLAN.length} steps, ${MEMBERS.size} members, early bound\n`);
    },
    120_000,
  );

  it.skipIf(impacket === null)(
    'late bound by impacket',
    async () => {
      const capture = join(folder, 'impacket.pcapng');
      const serving = await agent(capture, {}, full);
      expectImpacket(await walk(planPeer(impacket), 'impacket', serving.port).finally(() => serving.close()));
      const { calls } = await read(capture, { passwords: [USER] });
      expect(calls.flatMap((call) => call.problems)).toEqual([]);
      process.stderr.write(
        `impacket: ${PLAN.length} steps, ${MEMBERS.size - 1} members, late bound; ${ARRAY} it cannot read\n`,
      );
    },
    120_000,
  );
});
