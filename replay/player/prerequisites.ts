import { identifiersIn } from '../../src/dcom/identifiers.js';
import type { Registry } from '../../src/ndr/codec.js';
import type { RecordedCall, RecordingRecord } from '../recording/records.js';
import { recordsOf, type CallList } from '../recording/kept.js';
import { SessionJoiner } from '../recording/sessions.js';
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
  const held = recordsOf(records);
  const kept = needed(wanted, planOf(held, registry).made, held.calls);
  const joiner = new SessionJoiner();
  return records.filter((one) => isKept(joiner.join(one), kept));
}

/** Which calls handed identifiers out first, gathered while the records of a recording are taken, joined. */
export class Makers {
  private readonly made = new Map<string, number>();

  take(call: RecordedCall): void {
    identifiersIn(call.out, (id) => {
      if (!this.made.has(id)) this.made.set(id, call.id);
    });
  }

  /** These calls, and those without which they could not be made. */
  needed(wanted: Iterable<number>, calls: CallList): ReadonlySet<number> {
    return needed(wanted, this.made, calls);
  }
}

/** Whether a record stays where only these calls do; all numbers joined. */
export function isKept(record: RecordingRecord, kept: ReadonlySet<number>): boolean {
  if (record.kind === 'call') return kept.has(record.id);
  return record.kind !== 'reference' || record.made.call === null || kept.has(record.made.call);
}

function needed(wanted: Iterable<number>, made: ReadonlyMap<string, number>, calls: CallList): ReadonlySet<number> {
  const kept = new Set<number>();
  const waiting = [...wanted];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const position = kept.has(id) ? undefined : calls.position(id);
    if (position === undefined) continue;
    kept.add(id);
    for (const identifier of identifiersUsed(calls.at(position), made)) waiting.push(made.get(identifier) ?? id);
  }
  return kept;
}
