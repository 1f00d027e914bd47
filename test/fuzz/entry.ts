import { TARGETS, TOGETHER } from './table.js';
import { law } from './target.js';

/** What Jazzer calls: the target that the environment names. */
const name = process.env['UAMGSCOPE_FUZZ_TARGET'];
const target = [...TARGETS, TOGETHER].find((one) => one.name === name);
if (target === undefined) throw new Error(`no target is named ${name ?? ''}`);
const { run } = target;

/** What everything inherits from: nobody may put anything there, or take it away. */
const INHERITED: readonly object[] = [Object, Array, Function, String, Number, Map, Set, Uint8Array].map(
  ({ prototype }) => prototype as object,
);
const METHODS = Object.getOwnPropertyNames(Object.prototype).filter((one) => one !== '__proto__');
const values = (): readonly unknown[] => METHODS.map((one) => (({}) as Record<string, unknown>)[one]);
const BEFORE = values();

/** Jazzer's own detector looks at every method of every prototype: more than all of our code for a small input. */
function unpolluted(): void {
  for (const one of INHERITED) for (const key in one) law(false, () => `${key} of every object was set`);
  law(
    values().every((value, at) => value === BEFORE[at]),
    () => 'a method of every object was replaced',
  );
}

// Most inputs are refused by an error that nobody reads: where it was thrown is found for the one that is.
Error.stackTraceLimit = 0;

export function fuzz(data: Buffer): void {
  try {
    // A copy in memory of its own, as bytes come from files and sockets.
    run(new Uint8Array(data));
  } catch (error) {
    Error.stackTraceLimit = 30;
    run(new Uint8Array(data));
    throw error;
  }
  unpolluted();
}
