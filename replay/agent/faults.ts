import type { Injector, Outcome } from '../../src/peer/server/dispatch.js';
import type { Model } from './model.js';

/**
 * What a model injects: a member named `Interface::Member` answers otherwise, late or not at all, for good or a number
 * of times.
 */
export function injector(faults: Model['faults']): Injector {
  const left = faults.map(({ member, times = Infinity, hresult, fault, drop, delay }) => ({
    member: member.replace('.', '::'),
    times,
    outcome: {
      ...(hresult === undefined ? {} : { hresult: hresult >>> 0 }),
      ...(fault === undefined ? {} : { fault: fault >>> 0 }),
      ...(drop === undefined ? {} : { drop }),
      ...(delay === undefined ? {} : { delayMs: delay }),
    } satisfies Partial<Outcome>,
  }));
  return (face, member) => {
    const found = left.find((one) => one.times > 0 && one.member === `${face}::${member}`);
    if (found === undefined) return null;
    found.times--;
    return found.outcome;
  };
}
