import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { REDACTION_KINDS } from '../../../replay/redaction/names.js';
import { redact } from '../../../replay/redaction/redact.js';
import { compareSessions } from '../../../replay/compare/compare.js';
import { Session } from '../../../replay/compare/session.js';
import type { RecordingRecord } from '../../../replay/recording/records.js';
import { recordingBytes } from '../../../replay/recording/format.js';
import { run } from '../../../src/cli/cli.js';
import { differences, record, redact as redactRecords, REDACTION_LIMITS, replay, serve } from '../../../src/index.js';
import { spanOf } from '../../../src/bytes/block.js';
import { keyedDigest } from '../../../src/io/pseudonyms.js';
import { loadRecording } from '../../../src/io/recordings.js';
import { ROOT } from '../../support/shared.js';
import { testStreams } from '../../support/streams.js';
import { recordingOf, registry } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-redact-'));
afterAll(() => rmSync(folder, { recursive: true }));

const recordedCall = (await recordingOf('wua-session.pcapng')).find((one) => one.kind === 'call');

const capture = (name: string): string => join(ROOT, 'captures', name);
const options = (key: string) => ({ kinds: new Set(REDACTION_KINDS), registry, digest: keyedDigest(key) });

async function cli(...argv: readonly string[]) {
  const streams = testStreams();
  const status = await run(argv, streams);
  return { status, out: streams.out(), err: streams.err() };
}

/** Names and free text of the sessions of the package. */
const SECRETS = [
  'wsus-host',
  '192.0.2.9',
  '192.0.2.5',
  'Contoso Patch Auditor',
  'Обновление .NET Framework 4.8.1 для Windows Server (KB5068123)',
  'Windows 用の悪意のあるソフトウェアの削除ツール x64 - v5.138 (KB890830)',
  'Contoso - Net - 12.4.5.6 "Gigabit <x64>"',
  '2026-11 Cumulative Update for Windows Server 2025 for x64-based Systems (KB5070881)',
  'wua-session',
];

/** A text as it may stand in a file: UTF-8, UTF-16 of either order, and each of these in hexadecimal and base64. */
function shapes(secret: string): readonly Buffer[] {
  const little = Buffer.from(secret, 'utf16le');
  const raw = [Buffer.from(secret, 'utf8'), little, Buffer.from(little).swap16()];
  // Base64 of bytes in the middle of others: without the digits that their neighbours have a part in.
  const base64 = (bytes: Buffer, at: number): string =>
    Buffer.concat([Buffer.alloc(at), bytes])
      .toString('base64')
      .replace(/=+$/, '')
      .slice(at === 0 ? 0 : 4, -4);
  return raw.flatMap((bytes) => [
    bytes,
    Buffer.from(bytes.toString('hex')),
    Buffer.from(bytes.toString('hex').toUpperCase()),
    ...[0, 1, 2].map((at) => Buffer.from(base64(bytes, at))),
  ]);
}

function told(file: Buffer): readonly string[] {
  // The lines of bytes in the text form are one run of digits.
  const joined = Buffer.from(file.toString('latin1').replace(/(?<=[0-9a-f]{2})\n {2}(?=[0-9a-f]{2})/g, ''), 'latin1');
  return SECRETS.filter((secret) => shapes(secret).some((shape) => file.includes(shape) || joined.includes(shape)));
}

/** How a recording differs from itself, served; a recording with numbers of two editions does. */
async function playedTo(path: string) {
  const server = await serve(path);
  const result = await replay(path, { target: `127.0.0.1:${server.port}` });
  await server.close();
  return { verdict: differences(result).at(-1), counts: result.counts };
}

describe('a redacted recording', () => {
  it.each(['uamgrec', 'txt'])('holds no name in any shape: .%s', async (ending) => {
    const [whole, redacted] = [join(folder, `whole.${ending}`), join(folder, `redacted.${ending}`)];
    expect(await cli('record', capture('wua-session.pcapng'), '-o', whole)).toMatchObject({ status: 0 });
    // The search does find what is there.
    expect(told(readFileSync(whole))).toEqual(SECRETS);
    const made = await cli(
      'record',
      capture('wua-session.pcapng'),
      '-o',
      redacted,
      '--redact',
      'users,hosts,titles',
      '--redact-key',
      'k',
    );
    expect([made.status, made.err]).toEqual([0, expect.stringMatching(/^\d+ names replaced\n60 calls recorded\n$/)]);
    expect(told(readFileSync(redacted))).toEqual([]);
    const later = join(folder, `later.${ending}`);
    await cli('recording', 'redact', whole, '-o', later, '--redact-key', 'k');
    expect(readFileSync(later)).toEqual(readFileSync(redacted));
  });

  it.each([
    'wua-session.pcapng',
    'wua-bigendian.pcapng',
    'wua-ndr64.pcapng',
    'wua-late-bound.pcapng',
    'wua-mixed-opnums.pcapng',
  ])('serves and replays as the whole one, each stub written anew: %s', async (name) => {
    const whole = await recordingOf(name);
    const { records, dropped } = redact(whole, options('k'));
    expect(dropped).toBe(0);
    const path = join(folder, `${name}.uamgrec`);
    writeFileSync(path, recordingBytes(records));
    expect(told(readFileSync(path))).toEqual([]);
    const before = join(folder, `${name}.whole.uamgrec`);
    writeFileSync(before, recordingBytes(whole));
    expect(await playedTo(path)).toEqual(await playedTo(before));
  });

  it.each(['wua-session.pcapng', 'wua-bigendian.pcapng', 'wua-ndr64.pcapng'])(
    'shows what its bytes say, the sizes of activations too: %s',
    async (name) => {
      const { records } = redact(await recordingOf(name), options('k'));
      const contexts = new Map(
        records.flatMap((one) => (one.kind === 'context' ? [[`${one.connection}/${one.id}`, one] as const] : [])),
      );
      let read = 0;
      for (const { call, side } of records.flatMap((one) =>
        one.kind === 'call' && one.via === null
          ? (['request', 'response'] as const).map((which) => ({ call: one, side: which }))
          : [],
      )) {
        const context = contexts.get(`${call.connection}/${call.contextId}`);
        const stub = call[side];
        if (context === undefined || stub === null || stub.bytes.length === 0) continue;
        const codec = registry.method(context.abstract.uuid, call.opnum ?? -1, {
          littleEndian: stub.drep.littleEndian,
          syntax: context.transfer,
        });
        const decoded = codec?.[side].decode(spanOf(stub.bytes), side === 'request' ? undefined : call.in);
        if (decoded === undefined) continue;
        read++;
        expect(decoded.problems).toEqual([]);
        expect(call[side === 'request' ? 'in' : 'out'], `${call.id} ${call.method}`).toMatchObject(decoded.value);
      }
      expect(read).toBeGreaterThan(100);
    },
  );

  it('is made by the library alike', async () => {
    const [cliMade, made] = [join(folder, 'by-cli.uamgrec'), join(folder, 'by-library.uamgrec')];
    const source = capture('wua-session.pcapng');
    await cli('record', source, '-o', cliMade, '--redact', 'all', '--redact-key', 'k');
    await record(source, made, { redact: { key: 'k' } });
    expect(readFileSync(made)).toEqual(readFileSync(cliMade));
    const whole = await record(source);
    const { records, names, dropped } = await redactRecords(whole, { kinds: ['hosts'], key: 'k' });
    expect([names, dropped, records.length]).toEqual([3, 0, whole.length]);
    expect(JSON.stringify(records)).toContain('Contoso Patch Auditor');
    await expect(redactRecords(whole, { kinds: ['faces' as 'hosts'] })).rejects.toThrow(/'faces' is no kind of names/);
    await expect(redactRecords(whole, { key: '' })).rejects.toThrow(/an empty key is none/);
  });

  it('takes for names what is at least as long as the limits say', () => {
    const call = (
      fields: RecordingRecord & { kind: 'call' },
      given: Readonly<Record<string, string>>,
    ): RecordingRecord => ({
      ...fields,
      in: given,
      out: {},
      request: null,
      response: null,
    });
    const { name, label, short, text } = REDACTION_LIMITS;
    const first = recordedCall;
    if (first === undefined) throw new Error('there is no call');
    const values = {
      userName: 'x'.repeat(name - 1),
      owner: 'y'.repeat(name),
      serverName: `${'h'.repeat(label - 1)}.example.org`,
      machineName: `${'m'.repeat(label)}.example.org`,
      account: 'q'.repeat(short - 1),
      other: `${'x'.repeat(name - 1)} ${'y'.repeat(name)} ${'h'.repeat(label - 1)} ${'m'.repeat(label)} a${'q'.repeat(short - 1)}b`,
      title: 't'.repeat(text - 1),
      eulaText: 'e'.repeat(text),
    };
    const elsewhere = { again: 't'.repeat(text - 1), also: 'e'.repeat(text) };
    const made = redact([call(first, values), call(first, elsewhere)], options('k')).records;
    const [shown = {}, other = {}] = made.map((one) => (one.kind === 'call' ? one.in : {}));
    expect(shown['userName']).toBe(values.userName);
    expect(shown['owner']).toMatch(/^user-/);
    expect(shown['other']).toMatch(
      new RegExp(`^x user-[0-9a-f]{12} ${'h'.repeat(label - 1)} host-[0-9a-f]{12} a${'q'.repeat(short - 1)}b$`),
    );
    expect(shown['title']).toMatch(/^Text /);
    expect(other).toEqual({ again: elsewhere.again, also: shown['eulaText'] });
    expect(other['also']).toMatch(/^Text /);
  });

  it('compares as before with another of the same key, and not with one of another', async () => {
    const one = await recordingOf('wua-session.pcapng');
    const other = one.filter((record) => record.kind !== 'call' || record.method !== 'MsrcSeverity');
    const retitled = other.map((record): RecordingRecord => {
      if (record.kind !== 'call' || record.method !== 'Title') return record;
      return { ...record, out: { ...record.out, retval: `${String(record.out['retval'])} (2)` } };
    });
    const compared = (a: readonly RecordingRecord[], b: readonly RecordingRecord[]) => {
      const { same, counts } = compareSessions(new Session(a, registry), new Session(b, registry));
      return { same, counts };
    };
    const redacted = (records: readonly RecordingRecord[], key = 'k') => redact(records, options(key)).records;
    expect(compared(redacted(one), redacted(one))).toEqual(compared(one, one));
    expect(compared(one, one).same).toBe(true);
    expect(compared(redacted(one), redacted(retitled))).toEqual(compared(one, retitled));
    expect(compared(one, retitled).same).toBe(false);
    expect(compared(redacted(one), redacted(one, 'another')).same).toBe(false);
  });

  it('knows accounts by their form and by their fields, and leaves out what no table reads', async () => {
    const records = (await recordingOf('wua-session.pcapng')).map((record): RecordingRecord => {
      if (record.kind !== 'call') return record;
      if (record.id === 1) return { ...record, iid: null, opnum: 99, out: { principal: 'CORP\\wilhelmina' } };
      if (record.id !== 2) return record;
      return {
        ...record,
        in: {
          userName: 'ottokar',
          path: 'c:\\users\\rosamunde\\x',
          at: 'http://proxy.corp.example:8080/',
          blob: Buffer.from('ottokar'),
        },
        out: { mail: 'ask wilhelmina@corp.example', said: 'Wilhelmina and OTTOKAR on PROXY' },
      };
    });
    const { records: made, dropped } = redact(records, { ...options('k'), kinds: new Set(['users', 'hosts']) });
    const [first, second] = made.filter((one) => one.kind === 'call');
    // ServerAlive2 asks with nothing.
    expect(dropped).toBe(1);
    expect(first?.response).toMatchObject({ complete: false, bytes: new Uint8Array(0) });
    const shown = JSON.stringify([first?.in, first?.out, second?.in, second?.out]);
    expect(shown).not.toMatch(/wilhelmina|ottokar|rosamunde|corp|proxy/i);
    expect(second?.in['blob']).toEqual(new Uint8Array(0));
    const [user = '-'] = /user-[0-9a-f]{12}/.exec(String(second?.in['userName'])) ?? [];
    expect(second?.out['said']).toContain(` and ${user} on host-`);
    expect(first?.out['principal']).toMatch(/^user-[0-9a-f]{12}\\user-[0-9a-f]{12}$/);
  });

  it('keeps no address in the word that half of the conversation is missing', () => {
    const half = 'only one direction was captured: nothing that went from 192.0.2.77 port 135 is here';
    const { records } = redact([{ kind: 'end', calls: 0, half }], options('k'));
    expect(records).toEqual([{ kind: 'end', calls: 0, half: 'one direction of the conversation was not captured' }]);
  });

  it('says what pseudonyms without a key are, and refuses what it cannot do', async () => {
    const whole = join(folder, 'w.uamgrec');
    await cli('record', capture('wua-session.pcapng'), '-o', whole);
    const made = await cli('recording', 'redact', whole, '--redact', 'hosts', '-o', join(folder, 'h.uamgrec'));
    expect(made.err).toContain('! without --redact-key these pseudonyms are of this run only');
    const { records, problems } = await loadRecording(join(folder, 'h.uamgrec'));
    expect([problems, JSON.stringify(records).includes('Contoso Patch Auditor')]).toEqual([[], true]);
    expect((await cli('record', whole, '-o', '-', '--redact', 'faces')).err).toContain(
      'A list of users, hosts, titles',
    );
    expect((await cli('record', '-i', 'lo', '-o', '-', '--redact', 'users')).err).toContain('takes a whole capture');
    expect((await cli('recording', 'redact', whole, '-o', '-', '--redact-key', `@${folder}/none`)).status).toBe(2);
  });
});
