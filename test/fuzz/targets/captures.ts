import { Analyzer, type AnalyzerOutput } from '../../../src/analysis/analyzer.js';
import { RuleEngine } from '../../../src/analysis/rules/engine.js';
import { traceCall } from '../../../src/analysis/traces.js';
import { blockOf } from '../../../src/bytes/block.js';
import { CaptureReader, type CaptureOutput } from '../../../src/capture/reader.js';
import { Lz4Frames } from '../../../src/bytes/lz4.js';
import { ZstdFrames } from '../../../src/bytes/zstd.js';
import { NdjsonWriter } from '../../../src/output/ndjson.js';
import { TextWriter } from '../../../src/output/text.js';
import { TreeWriter } from '../../../src/output/tree.js';
import { SecurityObserver } from '../../../src/security/index.js';
import type { Finding } from '../../../src/types.js';
import { harvest, names, registry, SECRETS, some } from '../seeds.js';
import { Choices, law, pieces, told, type Target } from '../target.js';

const MOST = 16 * 1024;

function framesIn(bytes: Uint8Array, size: number): readonly CaptureOutput[] {
  const reader = new CaptureReader();
  const items: CaptureOutput[] = [];
  for (const piece of pieces(bytes, size)) {
    const block = blockOf(piece.slice());
    reader.push(block, 0, piece.length, items);
  }
  reader.end(items);
  return items;
}

/** What items say, without the memory that they lie in. */
function saying(items: readonly CaptureOutput[]): string {
  return told(
    items.map((item) => {
      if (item.kind !== 'frame') return item;
      const { block, start, end, ...rest } = item;
      return { ...rest, bytes: block.u8.subarray(start, end) };
    }),
  );
}

const capture: Target = {
  name: 'capture',
  law: 'a file gives the same frames and problems however it is split; no frame lies outside of it',
  most: 4096,
  covers: ['src/capture/', 'src/bytes/'],
  seeds: () => harvest().files.map((bytes) => Uint8Array.of(63, ...bytes.subarray(0, 1500))),
  run(bytes) {
    const choices = new Choices(bytes);
    const size = 1 + choices.byte();
    const rest = choices.rest();
    const whole = framesIn(rest, Math.max(1, rest.length));
    for (const item of whole)
      if (item.kind === 'frame')
        law(item.start >= 0 && item.start <= item.end && item.end <= item.block.u8.length, () => 'a frame outside');
    law(saying(whole) === saying(framesIn(rest, size)), () => `other frames in pieces of ${size} bytes`);
  },
};

/** Bytes taken of what comes out: whoever reads a capture takes block by block. */
const ENOUGH = 4 * 1024 * 1024;
/** Largest block of each: the 4 MiB and 8 MiB of LZ4, the 128 KiB of RFC 8878. */
const BLOCK = { lz4: 8 * 1024 * 1024, zstd: 128 * 1024 } as const;

function inflated(kind: keyof typeof BLOCK, bytes: Uint8Array, size: number): readonly [string, string | null] {
  const decoder = kind === 'lz4' ? new Lz4Frames() : new ZstdFrames();
  const parts: Uint8Array[] = [];
  let count = 0;
  const take = (list: Iterable<Uint8Array>): boolean => {
    for (const part of list) {
      law(part.length <= BLOCK[kind], () => `a block of ${part.length} bytes`);
      parts.push(part);
      if ((count += part.length) >= ENOUGH) return false;
    }
    return true;
  };
  for (const piece of pieces(bytes, size)) if (!take(decoder.push(piece, false))) return ['enough', null];
  if (!take(decoder.push(new Uint8Array(0), true))) return ['enough', null];
  return [Buffer.concat(parts).toString('latin1'), decoder.failure?.message ?? null];
}

const compression: Target = {
  name: 'compression',
  law: 'zstd and LZ4 give the same bytes however the input is split, no block larger than the format allows, damage as a failure',
  most: MOST,
  covers: ['src/bytes/'],
  seeds: () => {
    const text = Buffer.from('interface IUpdateSearcher, interface IUpdateSearcher, IUpdateSearcher');
    const raw = [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, (text.length << 3) & 255, (text.length << 3) >> 8, 0, ...text];
    const rle = [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3, 0x43, 0x1f, 0, 65];
    // `zstd -19` and `lz4 -9` of the text above, four times over.
    const made = [ZSTD, LZ4].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
    const legacy = [2, 0x21, 0x4c, 0x18, 6, 0, 0, 0, 0x1f, 65, 1, 0, 40, 0];
    return [
      Uint8Array.of(1, 8, ...raw),
      Uint8Array.of(1, 2, ...rle),
      Uint8Array.of(1, 9, ...(made[0] ?? [])),
      Uint8Array.of(0, 9, ...(made[1] ?? [])),
      Uint8Array.of(0, 3, ...legacy),
    ];
  },
  run(bytes) {
    const choices = new Choices(bytes);
    const kind = (choices.byte() & 1) === 0 ? 'lz4' : 'zstd';
    const size = 1 + choices.byte();
    const rest = choices.rest();
    const [whole, parts] = [inflated(kind, rest, Math.max(1, rest.length)), inflated(kind, rest, size)];
    law(told(whole) === told(parts), () => `${kind}: other bytes in pieces of ${size}: ${whole[1]} and ${parts[1]}`);
  },
};

const ZSTD =
  '28b52ffd6414003d0100d8696e74657266616365204955706461746553656172636865722c2003004c2450401301bb3dc7bcb6d031';
const LZ4 =
  '04224d186440a72d000000ff0c696e74657266616365204955706461746553656172636865722c201b00080b11000f4500b7' +
  '5072636865720000000022e652b5';

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;

const ndjson = new NdjsonWriter(names);
const text = new TextWriter(names, {});
const tree = new TreeWriter(names, {});

function inert(line: string): void {
  law(!CONTROL.test(line), () => `a control character in ${JSON.stringify(line.slice(0, 400))}`);
}

/** Every output of an item: JSON that reads back, text that no terminal obeys. */
function show(item: AnalyzerOutput): void {
  if (item.kind === 'call') {
    for (const line of [ndjson.call(item)]) inertJson(line);
    inert(text.call(item));
    inert(tree.call(item, traceCall(item, registry)));
  } else if (item.kind === 'problem') both(ndjson.problem(item), text.problem(item));
  else if (item.kind === 'finding') both(ndjson.finding(item), text.finding(item));
  else both(ndjson.security(item), text.security(item));
}

function both(json: string, line: string): void {
  inertJson(json);
  inert(line);
}

function inertJson(line: string): void {
  JSON.parse(line);
  inert(line);
}

const pipeline: Target = {
  name: 'pipeline',
  law: 'a whole capture, to calls, rules and every output: no exception, JSON that parses, no control character in any line',
  most: 3 * 1024,
  seeds: () => [...some(harvest().files, 3).map((bytes) => bytes.slice(0, 2500)), ...some(harvest().windows, 60)],
  run(bytes) {
    const analyzer = new Analyzer({ registry, security: new SecurityObserver(SECRETS) });
    const out: AnalyzerOutput[] = [];
    for (const item of framesIn(bytes, Math.max(1, bytes.length)))
      if (item.kind === 'frame') analyzer.push(item, out);
      else out.push(item);
    analyzer.settle();
    analyzer.end(out);
    const rules = new RuleEngine(registry, (value) => names.hresult(value));
    const findings: Finding[] = [];
    for (const item of out) {
      show(item);
      if (item.kind === 'call') rules.push(item, findings);
    }
    for (const finding of findings) show(finding);
  },
};

export const captureTargets: readonly Target[] = [capture, compression, pipeline];
export const packetSeeds = (): readonly Uint8Array[] =>
  some(harvest().frames, 60).map((frame) => frame.block.u8.slice(frame.start, frame.end));
