import { Readable } from 'node:stream';
import { Analyzer, type AnalyzerOptions, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { knowledge } from '../../src/io/knowledge.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import { Pipeline, type CaptureRecord, type PipelineOptions } from '../../src/pipeline/pipeline.js';
import { readCapture } from '../../src/pipeline/read-capture.js';
import type { Call, Frame } from '../../src/types.js';

const known = knowledge();
const writer = new NdjsonWriter(known.names);

/** What frames come to; they are numbered as they come. */
export function analyzed(frames: readonly Frame[], options: Partial<AnalyzerOptions> = {}): readonly AnalyzerOutput[] {
  const analyzer = new Analyzer({ registry: known.registry, ...options });
  const out: AnalyzerOutput[] = [];
  for (const [i, frame] of frames.entries()) analyzer.push({ ...frame, number: i + 1 }, out);
  analyzer.end(out);
  return out;
}

/** What captures come to, read as one. */
export async function recordsOf(
  files: readonly string[],
  options: Partial<PipelineOptions> = {},
): Promise<readonly CaptureRecord[]> {
  const records: CaptureRecord[] = [];
  await readCapture(files, {
    open: (path, framesBefore) => known.open(path, framesBefore, Readable.from([])),
    pipeline: new Pipeline({ registry: known.registry, nameOf: (value) => known.names.hresult(value), ...options }),
    inOrder: options.inOrder ?? false,
    take: (record) => records.push(record),
  });
  return records;
}

/** What a call says, without what depends on where and when its packets were captured. */
export function essenceOf(call: Call): string {
  const record = JSON.parse(writer.call(call)) as { [name: string]: unknown };
  for (const name of ['id', 'time', 'latencyNs', 'frames', 'flow']) delete record[name];
  // Reasons name the frames and calls they come from, which are others now.
  if (typeof record['because'] === 'string') record['because'] = record['because'].replace(/(frame|call) \d+/g, '$1 N');
  return JSON.stringify(record);
}

/** What the calls among records say, in an order of their own. */
export function essences(records: readonly { readonly kind: string }[]): readonly string[] {
  return records
    .filter((record): record is Call => record.kind === 'call')
    .map(essenceOf)
    .toSorted();
}

/** Codes of the problems and rules of the findings about the capture itself, each once. */
export function remarks(records: readonly CaptureRecord[]): readonly string[] {
  const said = records.flatMap((record) => {
    if (record.kind === 'problem') return [record.code];
    return record.kind === 'finding' && record.call === null ? [record.rule] : [];
  });
  return [...new Set(said)];
}
