import type { Registry } from '../../src/ndr/codec.js';
import type { RecordingRecord } from '../recording/records.js';
import { identifiersUsed, planOf } from './plan.js';

/**
 * The recording with no other calls than these and those without which they could not be made: whatever handed out the
 * objects they are made on, or an identifier they send, and what those need in turn.
 */
export function withPrerequisites(
  records: readonly RecordingRecord[],
  wanted: ReadonlySet<number>,
  registry: Registry,
): readonly RecordingRecord[] {
  const { steps, made } = planOf(records, registry);
  const calls = new Map(steps.map(({ expected }) => [expected.call.id, expected.call]));
  const kept = new Set<number>();
  const waiting = [...wanted];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const call = calls.get(id);
    if (call === undefined || kept.has(id)) continue;
    kept.add(id);
    for (const identifier of identifiersUsed(call, made)) waiting.push(made.get(identifier) ?? id);
  }
  return records.filter((one) => {
    if (one.kind === 'call') return kept.has(one.id);
    return one.kind !== 'reference' || one.made.call === null || kept.has(one.made.call);
  });
}
