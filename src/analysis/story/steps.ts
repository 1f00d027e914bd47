import type { StoryTable } from '../../ndr/types.js';
import type { Call, Moment } from '../../types.js';
import { endUnknown, failed } from '../failed.js';
import { STORY_LIMITS } from './limits.js';
import type { Slot } from './slots.js';
import type { StoryObject } from './objects.js';

/** One line of a session's ladder: a call, the same call several times, or the calls that told of many rows. */
export interface Step {
  readonly call: number;
  readonly time: Moment | null;
  readonly text: string;
  last: number;
  calls: number;
  failed: number;
  /** Calls of which nobody saw how they ended. */
  unknown: number;
  upkeep: number;
  latencyNs: number | null;
  /** What was read of which rows, where the step is a fold of such; null for plain calls. */
  readonly fold: { readonly table: StoryTable; readonly rows: Set<StoryObject>; readonly names: Set<string> } | null;
}

/** Folds the calls of one session, as they come, into steps. */
export class Steps {
  readonly list: Step[] = [];
  /** Calls that came after the last step that is kept. */
  lost = 0;
  private readonly text: (call: Call) => string;
  /** Takes a place of those that all sessions share; false when none is left. */
  private readonly room: () => boolean;
  private current: Step | null = null;
  private iid: string | null = null;
  private opnum: number | null = null;

  constructor(text: (call: Call) => string, room: () => boolean) {
    this.text = text;
    this.room = room;
  }

  /** `on` is the object called, `got` the row-like object that came back, or null. */
  push(call: Call, slot: Slot, on: StoryObject | null, got: StoryObject | null): void {
    const { current } = this;
    const bad = failed(call);
    if (slot.kind === 'upkeep' && (!bad || slot.probe)) {
      if (current === null) this.begin(call, slot, null);
      else grow(current, call, false).upkeep++;
      return;
    }
    const row = on?.row ?? got?.row ?? null;
    const table = row?.table ?? (WALKS.includes(slot.kind) ? (on?.holds ?? null) : null);
    if (table !== null) {
      const step = current?.fold?.table === table ? grow(current, call, bad) : this.begin(call, slot, table);
      if (step !== null) fold(step, slot, row, on);
      return;
    }
    if (current !== null && this.repeats(current, call, slot)) grow(current, call, bad);
    else this.begin(call, slot, null);
  }

  /** The same call again and again reads as one, unless it says something each time. */
  private repeats({ fold: folded }: Step, { iid, opnum }: Call, { event, kind }: Slot): boolean {
    const silent = folded === null && event === null && kind !== 'put';
    return silent && iid !== null && iid === this.iid && opnum === this.opnum;
  }

  private begin(call: Call, slot: Slot, table: StoryTable | null): Step | null {
    this.iid = call.iid;
    this.opnum = call.opnum;
    if (this.list.length >= STORY_LIMITS.steps || !this.room()) {
      this.lost++;
      this.current = null;
      return null;
    }
    const bad = failed(call);
    const step: Step = {
      call: call.id,
      time: call.time,
      text: table === null ? this.text(call) : '',
      last: call.id,
      calls: 1,
      failed: bad ? 1 : 0,
      unknown: endUnknown(call) ? 1 : 0,
      upkeep: slot.kind === 'upkeep' ? 1 : 0,
      latencyNs: call.latencyNs,
      fold: table === null ? null : { table, rows: new Set(), names: new Set() },
    };
    this.list.push(step);
    return (this.current = step);
  }
}

function grow(step: Step, call: Call, bad: boolean): Step {
  step.calls++;
  step.last = call.id;
  if (bad) step.failed++;
  if (endUnknown(call)) step.unknown++;
  if (call.latencyNs !== null) step.latencyNs = (step.latencyNs ?? 0) + call.latencyNs;
  return step;
}

/** Calls that walk over a collection. */
const WALKS: readonly Slot['kind'][] = ['get', 'enumerate', 'next'];

/** Notes in a fold which row was read, and what of it. */
function fold({ fold: folded }: Step, slot: Slot, row: StoryObject | null, on: StoryObject | null): void {
  if (folded === null) return;
  const { rows, names } = folded;
  if (row !== null && rows.size < STORY_LIMITS.rows) rows.add(row);
  if (on !== null && on.row !== null) names.add(on === on.row ? slot.name : on.root);
}
