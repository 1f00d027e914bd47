import { grouped } from '../bytes/decimal.js';

/** Calls, those known to have failed, and those of which nobody saw how they ended. */
export interface Failures {
  readonly calls: number;
  /** Null where no end was seen. */
  readonly failed: number | null;
  /** Calls whose result is cipher text. */
  readonly sealed: number;
  /** Calls of which nobody saw how they ended: sealed ones, those without an answer or with one that was cut. */
  readonly unknown: number;
}

/** Calls known to have failed; null where no end was seen, so that nobody knows. */
export function failedOrNull({ calls, failed, unknown }: Omit<Failures, 'sealed'>): number | null {
  return (failed ?? 0) === 0 && calls > 0 && unknown >= calls ? null : failed;
}

/** `3 failed`; of calls whose end nobody saw nobody knows whether they did. */
export function failedText(of: Failures): string {
  const { calls, sealed, unknown } = of;
  const failed = failedOrNull(of);
  if (failed === null)
    return sealed >= calls
      ? 'all sealed, so that nobody knows which failed'
      : 'none seen to its end, so that nobody knows which failed';
  if (unknown === 0) return `${grouped(failed)} failed`;
  const hidden = sealed === 0 ? '' : `, ${grouped(sealed)} sealed and unknown`;
  return `${grouped(failed)} known to have failed${hidden}`;
}

/** The same for a table. */
export function failedCell(of: Failures): string {
  const { calls, unknown } = of;
  const failed = failedOrNull(of);
  if (failed === null) return 'unknown';
  return unknown === 0 ? grouped(failed) : `${failed} of ${calls - unknown}`;
}
