import { inspect } from 'node:util';
import { CONSTANTS, FIXED, STATEFUL } from '../../src/pipeline/state/classes.js';
import { Graph } from '../../src/pipeline/state/graph.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import { Pipeline, type CaptureRecord } from '../../src/pipeline/pipeline.js';
import { SecurityObserver } from '../../src/security/observer.js';
import type { SecretList } from '../../src/security/secrets.js';
import type { Frame } from '../../src/types.js';
import { tables } from '../tui/support.js';

/** Packets between two blocks of a reader. */
const BLOCK = 50;

/** A pipeline, and all that it knows as a graph. */
export interface Stated {
  readonly pipeline: Pipeline;
  readonly graph: Graph;
}

export function stated(secrets: SecretList = {}): Stated {
  const { registry, names } = tables();
  const pipeline = new Pipeline({
    registry,
    nameOf: (value) => names.hresult(value),
    security: new SecurityObserver(secrets),
  });
  const given = [registry, secrets, ...CONSTANTS];
  return { pipeline, graph: new Graph({ pipeline }, { classes: STATEFUL, fixed: FIXED, given }) };
}

const writer = new NdjsonWriter(tables().names);

function text(record: CaptureRecord): string {
  if (record.kind === 'call') return writer.call(record);
  return inspect(record, { depth: 12, maxArrayLength: null, maxStringLength: null });
}

/** What packets come to, as lines, from one of them up to another. */
export function read({ pipeline }: Stated, frames: readonly Frame[], from: number, to: number): readonly string[] {
  const lines: string[] = [];
  const out: CaptureRecord[] = [];
  for (let at = from; at < to; at++) {
    pipeline.push(frames[at] as Frame, out);
    for (const record of out.splice(0)) lines.push(text(record));
    if (at % BLOCK === BLOCK - 1) pipeline.settle();
  }
  pipeline.settle();
  return lines;
}

/** What is left at the end, with objects and totals. */
export function finished({ pipeline }: Stated): readonly string[] {
  const out: CaptureRecord[] = [];
  pipeline.end(out);
  return [
    ...out.map(text),
    ...pipeline.objects().map((one) => inspect(one, { depth: 12 })),
    JSON.stringify(pipeline.summary),
  ];
}

/** The lines of a capture that is read up to a packet, kept, and gone on with by another pipeline. */
export function cutAt(frames: readonly Frame[], cut: number, secrets?: SecretList): readonly string[] {
  const one = stated(secrets);
  const before = read(one, frames, 0, cut);
  const pieces = one.graph.write(Number.POSITIVE_INFINITY);
  const other = stated(secrets);
  other.graph.read(pieces);
  return [...before, ...read(other, frames, cut, frames.length), ...finished(other)];
}

/** The lines of a capture that is read in one go. */
export function uncut(frames: readonly Frame[], secrets?: SecretList): readonly string[] {
  const one = stated(secrets);
  return [...read(one, frames, 0, frames.length), ...finished(one)];
}
