import { grouped } from '../bytes/decimal.js';
import type { NetCounts } from '../net/net.js';
import type { Finding } from '../types.js';

/** What is worth knowing of how the packets were captured; docs/rules.md lists the rules. */
export function captureFindings({ reordered, earlyMs, unread }: Readonly<NetCounts>): readonly Finding[] {
  const findings: Finding[] = [];
  if (reordered > 0)
    findings.push(
      remark(
        'capture-order',
        `${reordered === 1 ? 'one segment was' : `${reordered} segments were`} captured before what ${reordered === 1 ? 'it answers' : 'they answer'}; their order was told by TCP acknowledgements${skew(earlyMs)}`,
      ),
    );
  const named = [...unread].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  for (const [name, frames] of named.slice(0, MAX_UNREAD))
    findings.push({
      ...remark(
        'not-looked-into',
        `${grouped(frames)} ${frames === 1 ? 'frame holds' : 'frames hold'} ${name}: not looked into`,
      ),
      unread: { name, frames },
    });
  return findings;
}

/** Kinds of traffic that are named, the most frequent first. */
export const MAX_UNREAD = 16;

/** Clocks that differ by at least so much; interfaces and queues alone misorder without it. */
function skew(earlyMs: number): string {
  return earlyMs <= 0
    ? ''
    : ` (by up to ${milliseconds(earlyMs)} ms: the clocks of the capture points differ by at least that)`;
}

function milliseconds(ms: number): string {
  return ms < 10 ? ms.toFixed(3).replace(/\.?0+$/, '') : grouped(Math.round(ms));
}

function remark(rule: string, message: string): Finding {
  return { kind: 'finding', rule, severity: 'info', message, spec: null, call: null, object: null, frames: [] };
}
