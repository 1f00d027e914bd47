import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/concat.js';
import { pcapHeader, pcapRecord } from '../../../src/capture/write.js';
import { run } from '../../../src/cli/cli.js';
import { replayed } from '../../../src/cli/tui/replayed.js';
import { replay } from '../../../src/index.js';
import { exportRecording } from '../../../src/cli/tui/export-recording.js';
import { loadRecording } from '../../../src/io/recordings.js';
import { frameOf } from '../../support/packets.js';
import { shared } from '../../support/shared.js';
import { testStreams } from '../../support/streams.js';
import { sessionOf, tables } from '../../tui/support.js';
import { command, recordsOf, reportOf, shipped } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-unseen-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Frames of Ethernet types that nobody knows. */
function unread(name: string): string {
  const path = join(folder, name);
  const packets = [0x12, 0x12, 0x13].map((type, at) => {
    const data = new Uint8Array(60);
    data[12] = type;
    return pcapRecord({ ...frameOf(data, at + 1), data });
  });
  writeFileSync(path, concat([pcapHeader(1), ...packets]));
  return path;
}

describe('packets that were not looked into', () => {
  const path = unread('unread.pcap');
  const NAMED = 'EtherType 0x1200 (2), EtherType 0x1300 (1)';

  it('stand by name and count in the report', async () => {
    const { quality } = await reportOf(path);
    expect(quality.find((one) => one.kind === 'empty')?.text).toContain(`Not looked into: ${NAMED}.`);
    expect(quality.find((one) => one.kind === 'not-looked-into')).toMatchObject({
      count: 3,
      text: expect.stringContaining(NAMED),
    });
    expect((await command('report', path)).out).toContain(NAMED);
  });

  it('are told by decode, report, record, the terminal analyzer and in JSON', async () => {
    const line = '2 frames hold EtherType 0x1200: not looked into';
    expect((await command('decode', path)).err).toContain(line);
    expect((await command('report', path)).err).toContain(line);
    expect((await command('record', path, '-o', join(folder, 'unread.uamgrec'))).err).toContain(line);
    expect(sessionOf(readFileSync(path)).notices).toContainEqual(expect.objectContaining({ message: line }));
    expect(await recordsOf(path)).toContainEqual(
      expect.objectContaining({ rule: 'not-looked-into', unread: { name: 'EtherType 0x1200', frames: 2 } }),
    );
  });
});

describe('a refused bind', () => {
  const nak = shared('field/refused-nak8.pcap', 'that a refused bind is told once');

  it.skipIf(nak === null)('is told once to people, and both ways to programs', async () => {
    const told = (await command('decode', nak ?? '')).err
      .split('\n')
      .filter((line) => line.includes('refused the bind'));
    expect(told).toEqual([expect.stringContaining('[bind-authentication-type]')]);
    expect((await reportOf(nak ?? '')).problems).toEqual([]);
    expect(sessionOf(readFileSync(nak ?? '')).notices.map((one) => one.kind)).toEqual(['finding']);
    const kinds = (await recordsOf(nak ?? '')).map((one) => one['code'] ?? one['rule'] ?? one['kind']);
    expect(kinds).toEqual(['rpc-bind-nak', 'bind-authentication-type', 'summary']);
  });
});

describe('a recording of half a conversation', () => {
  const half = shared('field/one-direction.pcap', 'the recording of half a conversation');

  it.skipIf(half === null).each(['half.uamgrec', 'half.txt'])(
    'says so itself, and is not replayed: %s',
    async (name) => {
      const path = join(folder, name);
      expect((await command('record', half ?? '', '-o', path)).status).toBe(0);
      expect((await loadRecording(path)).records.at(-1)).toEqual({
        kind: 'end',
        calls: 11,
        half: expect.stringMatching(/^only one direction of 2 connections was captured/),
      });
      const { status, err } = await command('replay', path, '--target', '127.0.0.1:9');
      expect([status, err]).toEqual([2, expect.stringContaining('cannot be replayed: only one direction')]);
      await expect(replay(path, { target: '127.0.0.1:9' })).rejects.toThrow('cannot be replayed: only one direction');
      expect((await command('recording', 'info', path)).out).toContain('it cannot be replayed: only one direction');
      expect((await command('report', path)).err).toContain('only one direction');
    },
  );

  it.skipIf(half === null)('says so where the terminal analyzer wrote it, too', async () => {
    const path = join(folder, 'tui.uamgrec');
    const session = sessionOf(readFileSync(half ?? ''));
    const app = { session, state: { filter: null } } as unknown as Parameters<typeof exportRecording>[2];
    await exportRecording(path, null, app, tables());
    expect((await loadRecording(path)).records.at(-1)).toMatchObject({
      half: expect.stringMatching(/^only one direction/),
    });
  });

  it.skipIf(half === null)('is told beside the other that it is compared with', async () => {
    const path = join(folder, 'before.uamgrec');
    await command('record', half ?? '', '-o', path);
    const report = await reportOf(path, shipped('wua-session.pcapng'));
    expect(report.comparison?.lacks.map((note) => note.kind)).toContain('one-direction');
    const { out, err } = await command('report', path, shipped('wua-session.pcapng'), '-f', 'markdown');
    expect(err).toContain('! before.uamgrec: only one direction of 2 connections was captured');
    expect(out).toContain('## What before.uamgrec does not tell');
    expect((await command('report', path, shipped('wua-session.pcapng'), '-f', 'html')).out).toContain(
      '<h3>What before.uamgrec does not tell</h3>',
    );
  });

  it.skipIf(half === null)('is not replayed from the terminal analyzer', async () => {
    const session = sessionOf(readFileSync(half ?? ''));
    const effect = {
      kind: 'replay',
      target: { host: '127.0.0.1:9', user: null, domain: '' },
      secret: '',
      of: 0,
      calls: null,
    } as unknown as Parameters<typeof replayed>[0];
    const context = { known: tables(), streams: testStreams(), flags: {} };
    await expect(replayed(effect, session, context, new AbortController().signal)).rejects.toThrow(
      'this session cannot be replayed: only one direction of 2 connections was captured',
    );
  });

  it.skipIf(half === null)('is told by serve before it listens', async () => {
    const path = join(folder, 'served.uamgrec');
    await command('record', half ?? '', '-o', path);
    const streams = testStreams();
    // Nobody may listen there: what is told comes before.
    await run(['serve', path, '--listen', '192.0.2.1:4135'], streams);
    expect(streams.err()).toContain(`! ${path}: only one direction of 2 connections was captured`);
  });

  it('has no mark where both were captured', async () => {
    const path = join(folder, 'whole.uamgrec');
    await command('record', shipped('wua-session.pcapng'), '-o', path);
    expect(Object.keys((await loadRecording(path)).records.at(-1) ?? {})).toEqual(['kind', 'calls']);
  });
});

describe('a session that was refused', () => {
  const refused = shared('field/refused-port135-unanswered.pcap', 'what record says of refused connections');

  it.skipIf(refused === null)('is told by record, though it made no call', async () => {
    const { status, err } = await command('record', refused ?? '', '-o', join(folder, 'refused.uamgrec'));
    expect(status).toBe(0);
    expect(err).toContain('tried port 135 of 192.0.2.9, the endpoint mapper, 3 times');
    expect(err).toContain('no call was found: there is nothing to replay');
  });

  const nak = shared('field/refused-nak8.pcap', 'that record tells a refused bind once');
  it.skipIf(nak === null)('is told once', async () => {
    const { err } = await command('record', nak ?? '', '-o', join(folder, 'nak.uamgrec'));
    expect(err.match(/refused the bind/g)).toHaveLength(1);
  });
});

describe('a password that does not fit', () => {
  it.each([
    ['decode', []],
    ['report', []],
    ['record', ['-o', join(folder, 'wrong.uamgrec')]],
    ['diff', [shipped('wua-sealed.pcapng')]],
    ['export', ['-o', join(folder, 'lake')]],
  ] as const)('is told by %s', async (name, more) => {
    const { err } = await command(name, shipped('wua-sealed.pcapng'), ...more, '--password', 'alice:wrong');
    expect(err).toMatch(/the secrets given for CONTOSO\\alice do not fit: .* was made with another password/);
  });

  it('is told by the terminal analyzer', () => {
    const secrets = { passwords: [{ user: 'alice', password: 'wrong' }] };
    const { notices } = sessionOf('wua-sealed.pcapng', undefined, secrets);
    expect(notices).toContainEqual(expect.objectContaining({ kind: 'finding', rule: 'wrong-password' }));
  });
});

describe('sealed calls', () => {
  it('are told by report, diff and replay, of captures and of recordings', async () => {
    const sealed = shipped('wua-sealed.pcapng');
    const path = join(folder, 'sealed.uamgrec');
    await command('record', sealed, '-o', path);
    const openers = /calls are sealed, by NTLM.*--password .*--keys/;
    expect((await command('report', sealed)).err).toMatch(openers);
    expect((await command('report', sealed, '--password', 'bob:x')).err).toContain('no session of bob');
    expect((await command('diff', sealed, sealed)).err).toMatch(openers);
    for (const argv of [
      ['report', path],
      ['diff', path, path],
      ['replay', path, '--target', '127.0.0.1:9'],
    ])
      expect((await command(...argv)).err).toMatch(/recorded calls are sealed, by SPNEGO.*record the capture again/);
  });
});

describe('arguments that are flags', () => {
  it('are spelled in text and in the tree', async () => {
    const path = shipped('sessions/go-msrpc-integrity.pcapng');
    const argv = ['decode', path, '--where', 'method == "AddService2"', '--quiet'];
    const { out } = await command(...argv);
    const tree = (await command(...argv, '--format', 'tree')).out;
    const spelled = 'asfAllowPendingRegistration|asfAllowOnlineRegistration|asfRegisterServiceWithAU';
    expect(out).toContain(`flags=${spelled}`);
    expect(tree).toMatch(/ flags: .* = 7 {2}\(asf/);
    expect(tree).toContain(`(${spelled})`);
  });
});
