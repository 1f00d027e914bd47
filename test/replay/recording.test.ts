import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fileHead, FILE_HEAD, FRAME_HEAD, frame } from '../../replay/recording/frames.js';
import { readRecording, recordBytes, recordingBytes, RecordingReader } from '../../replay/recording/format.js';
import { MAX_BLOCK_LINES, MAX_RECORD_BYTES, MAX_RECORD_CONTAINERS } from '../../replay/recording/limits.js';
import { migrate } from '../../replay/recording/migrate.js';
import { pack, unpack } from '../../replay/recording/pack.js';
import { parseRecordingText, RecordingTextReader } from '../../replay/recording/parse.js';
import { Recorder } from '../../replay/recording/recorder.js';
import type { RecordedCall, RecordingRecord } from '../../replay/recording/records.js';
import { recordingText } from '../../replay/recording/text.js';
import { bytesOf } from '../../src/bytes/block.js';
import { crc32 } from '../../src/bytes/crc32.js';
import { MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import type { Call, Value } from '../../src/types.js';
import { join } from 'node:path';
import { analyze } from '../support/roundtrip.js';
import { ROOT } from '../support/shared.js';

async function callsOf(name: string): Promise<readonly Call[]> {
  return (await analyze(join(ROOT, 'captures', name))).filter((item) => item.kind === 'call');
}

function record(calls: readonly Call[]): RecordingRecord[] {
  const records: RecordingRecord[] = [];
  const recorder = new Recorder({ id: 1, tool: 'test', source: 'test', name: null }, (one) => records.push(one));
  for (const call of calls) recorder.call(call);
  recorder.end();
  return records;
}

const session = await callsOf('wua-session.pcapng');
const records = record(session);
const small = record(session.slice(0, 6));
const isCall = (one: RecordingRecord): one is RecordedCall => one.kind === 'call';

describe('CRC-32', () => {
  it('gives the check value of its catalogue, in one go and in two', () => {
    const digits = new TextEncoder().encode('123456789');
    expect(crc32(digits)).toBe(0xcbf43926);
    expect(crc32(digits, 4, 9, crc32(digits, 0, 4))).toBe(0xcbf43926);
  });
});

describe('recording of a session', () => {
  it('keeps every call with the bytes of its stubs', () => {
    const calls = records.filter(isCall);
    expect(calls.length).toBe(session.length);
    for (const [at, call] of calls.entries()) {
      const { request, response } = session[at]?.exchange ?? { request: null, response: null };
      expect(call.request?.bytes).toEqual(request === null ? undefined : bytesOf(request).slice());
      expect(call.response?.bytes).toEqual(response === null ? undefined : bytesOf(response).slice());
    }
  });

  it('says of every reference which call made it, and where in its answer', () => {
    const search = session.find((call) => call.method === 'Search');
    const found = records.find((one) => one.kind === 'reference' && one.interface === 'ISearchResult');
    expect(found).toMatchObject({ made: { call: search?.id, path: 'out.retval' } });
    const activated = records.find((one) => one.kind === 'reference');
    expect(activated).toMatchObject({
      object: 1,
      made: { call: 2, path: 'out.ppActProperties.activation.properties[0].value.ppIntfData[0]' },
    });
  });

  it('leaves out what a member that sets a password was given', () => {
    const call = session.find((one) => one.method === 'Search');
    if (call === undefined) throw new Error('the session has a search');
    const kept = record([{ ...call, interface: 'IWebProxy', method: 'SetPassword', in: { value: 'hunter2' } }]).find(
      isCall,
    );
    expect(kept).toMatchObject({ withheld: true, in: {}, request: null });
  });

  it('reads back as it was written, in both forms', () => {
    expect(readRecording(recordingBytes(records))).toEqual({ version: 1, records, problems: [] });
    expect(parseRecordingText([...recordingText(records)].join('\n'))).toEqual({ version: 1, records, problems: [] });
  });

  it.each([129, MAX_VALUE_DEPTH, MAX_VALUE_DEPTH + 1])('reads a value of %i levels back, in both forms', (levels) => {
    // A lone half of a pair: the text that takes a level more.
    let value: Value = '\ud800';
    for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { item: value };
    const deep = small.map((one) => (isCall(one) ? { ...one, in: { value }, out: { value } } : one));
    expect(readRecording(recordingBytes(deep))).toEqual({ version: 1, records: deep, problems: [] });
    expect(parseRecordingText([...recordingText(deep)].join('\n'))).toEqual({
      version: 1,
      records: deep,
      problems: [],
    });
  });

  it.each([
    'wua-bigendian.pcapng',
    'wua-ndr64.pcapng',
    'wua-late-bound.pcapng',
    'wua-damaged.pcap',
    'wua-printed-opnums.pcapng',
  ])('reads %s back in both forms', async (name) => {
    const made = record(await callsOf(name));
    expect(readRecording(recordingBytes(made)).records).toEqual(made);
    expect(parseRecordingText([...recordingText(made)].join('\n')).records).toEqual(made);
  });
});

describe('damage to a recording', () => {
  const bytes = recordingBytes(small);
  const [last] = small.slice(-1);
  const whole = bytes.length - (last === undefined ? 0 : recordBytes(last).length);

  it('loses only the last record to a cut at any of its bytes, and says so', () => {
    for (let size = whole; size < bytes.length; size++) {
      const read = readRecording(bytes.subarray(0, size));
      expect(read.records).toEqual(small.slice(0, -1));
      expect(read.problems.map((problem) => problem.code)).toEqual(
        size === whole ? ['unfinished'] : ['cut', 'unfinished'],
      );
      if (size > whole) expect(read.problems[0]?.at).toBe(whole);
    }
  });

  it('loses only the last call when the cut is inside it', () => {
    const open = small.slice(0, -1);
    const cutAt = recordingBytes(open.slice(0, -1)).length;
    const all = recordingBytes(open);
    const kept = open.slice(0, -1);
    for (let size = cutAt; size < all.length; size++) {
      const { records } = readRecording(all.subarray(0, size));
      expect(records).toHaveLength(kept.length);
      // What stands before the cut is compared in full now and then: that costs more than all the reading.
      if (size % 32 === 0) expect(records).toEqual(kept);
    }
  });

  it('loses only the record that a flipped byte is in, names its offset, and goes on', () => {
    let at = FILE_HEAD;
    for (const [index, one] of small.entries()) {
      const size = recordBytes(one).length;
      for (const offset of [0, 3, 4, 7, 8, 9, Math.floor(size / 2), size - 1]) {
        const hit = bytes.slice();
        hit[at + offset] = (hit[at + offset] as number) ^ 0x41;
        const read = readRecording(hit);
        expect(read.records).toEqual(small.toSpliced(index, 1));
        expect(read.problems[0]).toMatchObject({ at });
      }
      at += size;
    }
  });

  it('never throws for any run of flipped, lost and added bytes behind the magic', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            at: fc.integer({ min: 8, max: bytes.length - 1 }),
            with: fc.uint8Array({ maxLength: 12 }),
            drop: fc.integer({ min: 0, max: 40 }),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        (edits) => {
          let hit: Uint8Array = bytes;
          for (const edit of edits)
            hit = Uint8Array.from([...hit.subarray(0, edit.at), ...edit.with, ...hit.subarray(edit.at + edit.drop)]);
          let read;
          try {
            read = readRecording(hit);
          } catch (error) {
            // A version number out of nowhere, with a CRC that agrees, is not made by chance.
            expect(String(error)).toBe('a refusal');
            return;
          }
          const known = new Set(small.map((one) => JSON.stringify(one, plain)));
          for (const one of read.records) expect(known.has(JSON.stringify(one, plain))).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is the same whatever the pieces in which a file is read, in both forms', () => {
    const text = new TextEncoder().encode([...recordingText(small)].join('\n'));
    const damaged = (whole: Uint8Array): readonly Uint8Array[] => [
      whole,
      whole.subarray(0, whole.length - 7),
      whole.map((byte, at) => (at % 5003 === 77 ? byte ^ 0x20 : byte)),
      Uint8Array.from([...whole.subarray(0, 900), ...whole.subarray(1400)]),
      // A length that reaches far behind what is there.
      whole.map((byte, at) => (at === FILE_HEAD + 2 ? 0x30 : byte)),
    ];
    for (const [form, reader, read] of [
      [bytes, () => new RecordingReader(), readRecording],
      [text, () => new RecordingTextReader(), (one: Uint8Array) => parseRecordingText(new TextDecoder().decode(one))],
    ] as const)
      for (const file of damaged(form)) {
        const expected = read(file);
        for (const size of [1, 13, 1000, 4096]) {
          const pieces = reader();
          const records: RecordingRecord[] = [];
          const take = (one: RecordingRecord): void => void records.push(one);
          for (let at = 0; at < file.length; at += size) pieces.push(file.subarray(at, at + size), take);
          pieces.end(take);
          expect({ version: pieces.version, records, problems: pieces.problems }).toEqual(expected);
        }
      }
  });

  it('refuses what is no recording, and versions to come', () => {
    expect(() => readRecording(new TextEncoder().encode('not one of ours, this'))).toThrow(
      /does not begin as a recording/,
    );
    expect(() => readRecording(fileHead(2))).toThrow(/format version 2 .* use a newer one/);
  });

  it('gives up on a file of record heads within its budget', () => {
    const head = Uint8Array.of(0x00, 0x00, 0x00, 0x01, 0, 0, 0, 0, 0x81, 0xa4, 0x6b, 0x69, 0x6e, 0x64, 0, 0);
    const hostile = new Uint8Array(24 * 1024 * 1024);
    hostile.set(fileHead());
    for (let at = FILE_HEAD; at + head.length <= hostile.length; at += head.length) hostile.set(head, at);
    // Said only where the budget of checked bytes was spent: the work is bounded, whatever the clock says.
    expect(readRecording(hostile).problems[0]?.message).toMatch(
      /no whole record was found behind them in reasonable time/,
    );
  });

  it('names a whole record that is none', () => {
    const odd = [
      pack({ kind: 'call', id: 1 }),
      pack({ kind: 'verdict' }),
      Uint8Array.of(0xc7, 0, 1),
      Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
      new Uint8Array(300).fill(0x91),
    ];
    for (const payload of odd) {
      const read = readRecording(Uint8Array.from([...fileHead(), ...frame(payload)]));
      expect(read.records).toEqual([]);
      expect(read.problems[0]).toMatchObject({ code: 'not-understood', at: FILE_HEAD });
    }
  });

  it('does not take a record of more lists and maps than a call can hold, nor a block of more lines', () => {
    const many = new Uint8Array(MAX_RECORD_CONTAINERS + 5).fill(0x80);
    new DataView(many.buffer).setUint32(1, MAX_RECORD_CONTAINERS, false);
    many[0] = 0xdd;
    expect(unpack(many)).toEqual({ refused: `it holds more than ${MAX_RECORD_CONTAINERS} lists and maps` });
    const reader = new RecordingTextReader();
    const lines = '\n'.repeat(2 ** 20);
    reader.text(`uamgrec text 1\n[end]\ncalls = 0\n`, () => undefined);
    for (let at = 0; at < MAX_BLOCK_LINES; at += lines.length) reader.text(lines, () => undefined);
    const taken: RecordingRecord[] = [];
    reader.text('[end]\ncalls = 1\n', (one) => taken.push(one));
    reader.end((one) => taken.push(one));
    expect(taken).toEqual([{ kind: 'end', calls: 1 }]);
    expect(reader.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^line \d: the block that begins here has 83886\d\d lines, and 8388608 are read$/),
    ]);
  });

  it('records in part what would be a larger record than is read', () => {
    const call = small.find(isCall);
    if (call?.request == null) throw new Error('a call is wanted');
    const bytes = new Uint8Array(MAX_RECORD_BYTES);
    const stubs = { ...call, request: { ...call.request, bytes } };
    const read = readRecording(Uint8Array.from([...fileHead(), ...recordBytes(stubs)]));
    expect(read.records).toEqual([
      {
        ...call,
        request: { ...call.request, complete: false, bytes: new Uint8Array(0) },
        response: call.response === null ? null : { ...call.response, complete: false, bytes: new Uint8Array(0) },
      },
    ]);
    const values = readRecording(Uint8Array.from([...fileHead(), ...recordBytes({ ...stubs, in: { bytes } })]));
    expect(values.records).toMatchObject([{ id: call.id, in: {}, out: {}, decoded: false }]);
  });

  it('takes a record up a chain of migrations, and says which link is missing', () => {
    const chain = [1, 2].map((from) => ({
      from,
      migrate: (value: Value) => ({ ...(value as { [name: string]: Value }), [`from${from}`]: true }),
    }));
    expect(migrate({ kind: 'end' }, 1, chain, 3)).toEqual({ kind: 'end', from1: true, from2: true });
    expect(() => migrate({}, 1, chain.slice(1), 3)).toThrow(/from version 1/);
  });

  it('frames take eight bytes more than their payload', () => {
    expect(frame(Uint8Array.of(1, 2, 3)).length).toBe(FRAME_HEAD + 3);
  });
});

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

/** Any value a decoder may give. */
const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.array(fc.integer({ min: 0xd700, max: 0xe0ff }), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
    fc.double(),
    fc.integer(),
    fc.constant(-0),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
    fc.bigInt({ min: 1n << 63n, max: (1n << 64n) - 1n }),
    fc.uint8Array({ maxLength: 70 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .dictionary(fc.oneof(fc.string(), fc.constantFrom('$utf16', '$', '__proto__', 'kind', 'a b')), tie('value'), {
        maxKeys: 4,
      })
      .map((record) => Object.fromEntries(Object.entries(record))),
  ),
})).value;

describe('values of a recording', () => {
  it('come back from bytes as they were', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(unpack(pack(value))).toEqual({ value });
      }),
    );
  });

  it('come back from text as they were', () => {
    const call = small.find(isCall);
    if (call === undefined) throw new Error('there is a call');
    const end: RecordingRecord = { kind: 'end', calls: 1 };
    fc.assert(
      fc.property(
        fc
          .dictionary(fc.string(), anyValue, { maxKeys: 4 })
          .map((record) => Object.fromEntries(Object.entries(record))),
        (record) => {
          const one = { ...call, in: record };
          expect(parseRecordingText([...recordingText([one, end])].join('\n'))).toEqual({
            version: 1,
            records: [one, end],
            problems: [],
          });
        },
      ),
    );
  });

  it('never throw when the text is damaged, and whole blocks are kept', () => {
    const text = [...recordingText(small)].join('\n');
    fc.assert(
      fc.property(
        fc.integer({ min: 15, max: text.length }),
        fc.string({ unit: 'binary', maxLength: 8 }),
        fc.integer({ min: 0, max: 60 }),
        (at, put, drop) => {
          const read = parseRecordingText(text.slice(0, at) + put + text.slice(at + drop));
          expect(read.records.length).toBeGreaterThanOrEqual(small.length - 4);
        },
      ),
      { numRuns: 60 },
    );
  });
});
