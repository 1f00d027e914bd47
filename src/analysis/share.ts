import type { Finding } from '../types.js';

/**
 * What one reader writes, of several that each follow all of a capture: their parts together are what one reader would
 * have written.
 */
export interface Share {
  /** Whether it writes a call. Every call has one reader that does. */
  readonly owns: (id: number) => boolean;
  /** Whether it holds calls to rules that remember what earlier calls held; one reader does. */
  readonly judge: boolean;
  /**
   * A call of its own, into which no other reader looks, changed what is known of calls that follow: of those the others
   * know less from here on.
   */
  readonly strayed: (id: number) => void;
  /** Takes what the judge finds of a call that another reader writes: it comes right behind that call. */
  readonly judged: (finding: Finding) => void;
}

/** The same, as calls are made. */
export interface RuledShare extends Share {
  /** Whether calls of a slot are looked into here though another reader writes them: rules learn from them. */
  readonly judges: (iid: string, opnum: number) => boolean;
}
