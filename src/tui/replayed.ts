/** What replaying calls to another server came to, in lines. */
export interface Replayed {
  readonly target: string;
  /** `57 calls alike, 1 differs`. */
  readonly summary: string;
  readonly same: boolean;
  readonly rows: readonly ReplayRow[];
}

/** A call with how it ended then and now, a field of it that differs, or a remark on the whole. */
export interface ReplayRow {
  readonly kind: 'call' | 'field' | 'note';
  readonly status: 'same' | 'different' | 'missing' | 'extra' | 'skipped';
  /** Index of the call that was replayed; null where there is none. */
  readonly call: number | null;
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
}
