import { isRecord } from '../../src/ndr/value.js';
import { fromHex } from '../../src/bytes/hex.js';
import type { Value } from '../../src/types.js';
import type { TakeRecord } from './format.js';
import {
  MAX_BLOCK_CHARACTERS,
  MAX_BLOCK_LINES,
  MAX_RECORD_BYTES,
  MAX_RECORDING_PROBLEMS,
  MAX_RECORD_DEPTH,
} from './limits.js';
import { FORMAT_VERSION, migrate } from './migrate.js';
import { RecordingError, type Recording, type RecordingProblem, type RecordingRecord } from './records.js';
import { asRecord } from './schema.js';
import { TEXT_HEAD } from './text.js';

/** A value that is being put together. */
type Node = Value | OpenRecord | Node[];
type OpenRecord = { [name: string]: Node };

/**
 * Reads the text form back. A block that is damaged is left out and named by its line. @throws RecordingError when it
 * is no recording at all
 */
export function parseRecordingText(text: string): Recording {
  const reader = new RecordingTextReader();
  const records: RecordingRecord[] = [];
  const take = (record: RecordingRecord): void => void records.push(record);
  reader.text(text, take);
  reader.end(take);
  return { version: reader.version, records, problems: reader.problems };
}

/** Reads the text form piece by piece, in memory for one block. */
export class RecordingTextReader {
  readonly problems: RecordingProblem[] = [];
  version = FORMAT_VERSION;
  private readonly decoder = new TextDecoder();
  /** What came behind the last end of a line. */
  private rest: string[] = [];
  private restSize = 0;
  /** Lines from a block's head to the next one's, the number of the first of them, and their characters. */
  private block: string[] = [];
  private first = 1;
  private size = 0;
  private height = 0;
  private lines = 0;
  private last: RecordingRecord['kind'] | null = null;

  /** @throws RecordingError when it is no recording, or one of a version not known */
  push(bytes: Uint8Array, take: TakeRecord): void {
    this.text(this.decoder.decode(bytes, { stream: true }), take);
  }

  /** The same of text. @throws RecordingError as {@link push} */
  text(text: string, take: TakeRecord): void {
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0; to = text.indexOf('\n', from)) {
      this.line(this.taken(text.slice(from, to)), take);
      from = to + 1;
    }
    if (from === text.length || this.restSize > MAX_BLOCK_CHARACTERS) return;
    this.rest.push(text.slice(from));
    this.restSize += text.length - from;
  }

  /** No more will come. @throws RecordingError as {@link push} */
  end(take: TakeRecord): void {
    this.text(this.decoder.decode(), take);
    this.line(this.taken(''), take);
    this.settle(take);
    if (this.last !== 'end')
      this.tell(this.lines, 'the recording has no end: it was cut, or its writer was stopped', 'unfinished');
  }

  /** The line that what is left over began. */
  private taken(more: string): string {
    const line = this.rest.length === 0 ? more : this.rest.join('') + more;
    this.rest = [];
    this.restSize = 0;
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }

  private line(line: string, take: TakeRecord): void {
    this.lines++;
    if (this.lines === 1) {
      this.version = versionOf(line);
      this.first = 2;
      return;
    }
    if (line.startsWith('[')) this.settle(take);
    this.size += line.length;
    this.height++;
    if (this.size <= MAX_BLOCK_CHARACTERS && this.height <= MAX_BLOCK_LINES) this.block.push(line);
  }

  /** A block is whole. */
  private settle(take: TakeRecord): void {
    const { block: lines, first, size, height } = this;
    this.block = [];
    this.size = 0;
    this.height = 0;
    this.first = this.lines;
    if (size > MAX_BLOCK_CHARACTERS) {
      this.tell(first, `the block that begins here has ${size} characters, and ${MAX_BLOCK_CHARACTERS} are read`);
      return;
    }
    if (height > MAX_BLOCK_LINES) {
      this.tell(first, `the block that begins here has ${height} lines, and ${MAX_BLOCK_LINES} are read`);
      return;
    }
    for (let at = 0; at < lines.length; ) {
      const line = lines[at] ?? '';
      if (line === '' || line.startsWith('#')) {
        at++;
        continue;
      }
      const block = new BlockReader(lines, at);
      const read = block.read();
      at = block.at;
      if ('refused' in read) {
        this.tell(first + read.line - 1, read.refused);
        return;
      }
      this.record(read.value, first + read.line - 1, take);
    }
  }

  private record(value: Value, line: number, take: TakeRecord): void {
    const current = migrate(value, this.version);
    const checked = current === null ? null : asRecord(current);
    if (checked === null) return;
    if ('refused' in checked)
      this.tell(line, `the block that begins here is not understood: ${checked.refused}`, 'not-understood');
    else {
      this.last = checked.record.kind;
      take(checked.record, { at: line, size: 0 });
    }
  }

  private tell(at: number, message: string, code: RecordingProblem['code'] = 'damaged'): void {
    if (this.problems.length < MAX_RECORDING_PROBLEMS)
      this.problems.push({ code, at, message: `line ${at}: ${message}` });
  }
}

/** Whether a text begins as the text form does. */
export function isRecordingText(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes.subarray(0, TEXT_HEAD.length)) === TEXT_HEAD;
}

function versionOf(line: string): number {
  const match = /^uamgrec text (\d{1,6})$/.exec(line.trimEnd());
  if (match === null) throw new RecordingError(`it does not begin with "${TEXT_HEAD} ${FORMAT_VERSION}"`);
  const version = Number(match[1]);
  if (version < 1 || version > FORMAT_VERSION)
    throw new RecordingError(
      `it has format version ${version} and this uamgscope reads 1 to ${FORMAT_VERSION}: use a newer one`,
    );
  return version;
}

type Read = { readonly value: Value; readonly line: number } | { readonly refused: string; readonly line: number };

/** Reads one block: its head, then `path = value` lines. */
class BlockReader {
  private readonly lines: readonly string[];
  at: number;

  constructor(lines: readonly string[], at: number) {
    this.lines = lines;
    this.at = at;
  }

  read(): Read {
    const head = /^\[([a-z]+)\]/.exec(this.lines[this.at] ?? '');
    const first = this.at + 1;
    this.at++;
    if (head === null) return { refused: 'a block should begin here, as [call] does', line: first };
    const root: OpenRecord = { kind: head[1] ?? '' };
    while (this.at < this.lines.length) {
      const line = this.lines[this.at] ?? '';
      if (line === '' || line.startsWith('[')) break;
      this.at++;
      if (line.startsWith('#')) continue;
      const refused = this.assign(root, line);
      if (refused !== null) return { refused, line: this.at };
    }
    return { value: root as Value, line: first };
  }

  private assign(root: OpenRecord, line: string): string | null {
    const steps = pathOf(line);
    if (steps === null) return 'a line of the form path = value is wanted';
    const value = this.value(line.slice(steps.end));
    if (value === undefined) return `${line.slice(steps.end, steps.end + 40)} is no value`;
    return put(root, steps.steps, value) ? null : `${line.slice(0, steps.end)} does not fit the lines before it`;
  }

  private value(text: string): Value | undefined {
    const bytes = /^bytes (\d{1,9})$/.exec(text);
    if (bytes !== null) return this.bytes(Number(bytes[1]));
    if (text.startsWith('"')) return json(text);
    if (/^-?\d{1,40}n$/.test(text)) return BigInt(text.slice(0, -1));
    if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) return Number(text);
    return Object.hasOwn(WORDS, text) ? WORDS[text] : undefined;
  }

  private bytes(count: number): Uint8Array | undefined {
    if (count > MAX_RECORD_BYTES) return undefined;
    const from = this.at;
    while ((this.lines[this.at] ?? '').startsWith('  ')) this.at++;
    const bytes = fromHex(this.lines.slice(from, this.at).join(''));
    return bytes !== null && bytes.length === count ? bytes : undefined;
  }
}

const WORDS: Readonly<Record<string, Value>> = {
  null: null,
  true: true,
  false: false,
  NaN: Number.NaN,
  Infinity,
  '-Infinity': -Infinity,
  '[]': [],
  '{}': {},
};

function json(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The names and indices of a path, and where the value begins. */
function pathOf(line: string): { readonly steps: readonly (string | number)[]; readonly end: number } | null {
  const steps: (string | number)[] = [];
  const step = /(?:^|\.)(?:([A-Za-z_][A-Za-z0-9_]*)|("(?:[^"\\]|\\.)*"))|\[(\d{1,9})\]/y;
  for (;;) {
    const from = step.lastIndex;
    const match = step.exec(line);
    if (match === null) return steps.length > 0 && line.startsWith(' = ', from) ? { steps, end: from + 3 } : null;
    const [, name, quoted, index] = match;
    const key = quoted === undefined ? name : json(quoted);
    if (index === undefined && key === undefined) return null;
    steps.push(index === undefined ? (key ?? '') : Number(index));
    if (steps.length > MAX_RECORD_DEPTH) return null;
  }
}

/** Puts a value where the path says; lists grow by one at a time. */
function put(root: OpenRecord, steps: readonly (string | number)[], value: Value): boolean {
  let at: Node = root;
  for (const [depth, step] of steps.entries()) {
    const last = depth === steps.length - 1;
    const inner: Node = typeof steps[depth + 1] === 'number' ? [] : {};
    const made: Node = last ? copied(value) : inner;
    const inside: Node | undefined =
      typeof step === 'number' ? item(at, step, made, last) : field(at, step, made, last);
    if (inside === undefined) return false;
    at = inside;
  }
  return true;
}

/** The element of a list, which is `made` where it is new; undefined where it cannot stand there, or is there already. */
function item(list: Node, at: number, made: Node, isNew: boolean): Node | undefined {
  if (!Array.isArray(list) || at > list.length || (isNew && at < list.length)) return undefined;
  if (at === list.length) (list as Node[]).push(made);
  return (list as Node[])[at];
}

/** The field of a record, which is `made` where it is new; undefined where it cannot stand there, or is there already. */
function field(within: Node, name: string, made: Node, isNew: boolean): Node | undefined {
  if (!isRecord(within as Value)) return undefined;
  const record = within as OpenRecord;
  if (!Object.hasOwn(record, name))
    Object.defineProperty(record, name, { value: made, enumerable: true, writable: true, configurable: true });
  else if (isNew) return undefined;
  return record[name];
}

/** Empty lists and maps are filled by no later line, but shared they must not be. */
function copied(value: Value): Node {
  if (Array.isArray(value)) return [];
  return value !== null && typeof value === 'object' && !(value instanceof Uint8Array) ? {} : value;
}
