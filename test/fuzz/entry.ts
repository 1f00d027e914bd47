import { TARGETS, TOGETHER } from './table.js';

/** What Jazzer calls: the target that the environment names. */
const name = process.env['UAMGSCOPE_FUZZ_TARGET'];
const target = [...TARGETS, TOGETHER].find((one) => one.name === name);
if (target === undefined) throw new Error(`no target is named ${name ?? ''}`);
const { run } = target;

export function fuzz(data: Buffer): void {
  // A copy in memory of its own, as bytes come from files and sockets.
  run(new Uint8Array(data));
}
