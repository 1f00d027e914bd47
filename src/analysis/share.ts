/**
 * What one reader writes, of several that each follow all of a capture: their parts together are what one reader would
 * have written.
 */
export interface Share {
  /** Whether it writes a call. Every call has one reader that does. */
  readonly owns: (id: number) => boolean;
  /**
   * A call of its own, into which no other reader looks, changed what is known of calls that follow: of those the others
   * know less from here on.
   */
  readonly strayed: (id: number) => void;
}

/** The same, and which calls teach something beside what they say of objects. */
export interface RuledShare extends Share {
  /** Whether what calls of a slot hold changes what later calls are held to: then every reader looks into them. */
  readonly teaches: (iid: string, opnum: number) => boolean;
}
