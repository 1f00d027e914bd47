import type { Injector, Outcome } from '../../src/peer/server/dispatch.js';
import type { FaultModel } from './model.js';

interface Pending {
  readonly member: string;
  times: number;
  readonly outcome: Partial<Outcome>;
  readonly result: FaultModel['result'] | null;
}

/** Faults that wait for their member at once; docs/limits.md. */
export const MAX_FAULTS = 10_000;

/**
 * What a model or a scenario injects: a member named `Interface::Member` answers otherwise, late or not at all, or
 * comes to another result, for good or a number of times.
 */
export class Faults {
  private readonly pending: Pending[] = [];

  constructor(faults: readonly FaultModel[]) {
    this.add(faults);
  }

  add(faults: readonly FaultModel[]): void {
    for (const { member, times = Infinity, hresult, fault, drop, delay, result } of faults) {
      if (this.pending.length >= MAX_FAULTS) return;
      this.pending.push({
        member: member.replace('.', '::'),
        times,
        outcome: {
          ...(hresult === undefined ? {} : { hresult: hresult >>> 0 }),
          ...(fault === undefined ? {} : { fault: fault >>> 0 }),
          ...(drop === undefined ? {} : { drop }),
          ...(delay === undefined ? {} : { delayMs: delay }),
        },
        result: result ?? null,
      });
    }
  }

  /** What a member does instead of its work, or besides it. */
  readonly inject: Injector = (interfaceName, member) => {
    const found = this.take(`${interfaceName}::${member}`, (one) => one.result === null);
    return found?.outcome ?? null;
  };

  /** The result that a search has to come to, or null. */
  result(member: string): FaultModel['result'] | null {
    return this.take(member, (one) => one.result !== null)?.result ?? null;
  }

  private take(member: string, fits: (one: Pending) => boolean): Pending | null {
    const at = this.pending.findIndex((one) => one.member === member && fits(one));
    const found = this.pending[at];
    if (found === undefined) return null;
    if (--found.times <= 0) this.pending.splice(at, 1);
    return found;
  }
}
