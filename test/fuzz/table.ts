import { some } from './seeds.js';
import type { Target } from './target.js';
import { captureTargets } from './targets/captures.js';
import { recordingTargets } from './targets/recordings.js';
import { securityTargets } from './targets/security.js';
import { sideTargets } from './targets/sides.js';
import { textTargets } from './targets/texts.js';
import { valueTargets } from './targets/values.js';
import { wireTargets } from './targets/wire.js';

/** Every parser that meets bytes of others, in the order in which they meet them. */
export const TARGETS: readonly Target[] = [
  ...captureTargets,
  ...wireTargets,
  ...valueTargets,
  ...securityTargets,
  ...recordingTargets,
  ...textTargets,
  ...sideTargets,
];

/** All of them in one process: the first byte of an input says whose it is. */
export const TOGETHER: Target = {
  name: 'together',
  law: 'what holds for each target',
  most: Math.max(...TARGETS.map((target) => target.most)),
  seeds: () => TARGETS.flatMap((target, at) => some(target.seeds(), 12).map((bytes) => Uint8Array.of(at, ...bytes))),
  run(bytes) {
    const target = TARGETS[(bytes[0] ?? 0) % TARGETS.length];
    target?.run(bytes.slice(1, 1 + target.most));
  },
};
