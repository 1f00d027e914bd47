/** Named bounds of the story; docs/limits.md lists them. */
export const STORY_LIMITS = {
  /** Silence that ends a session, in seconds. */
  silenceS: 900,
  /** Sessions told one by one; the calls of others are counted, and what they read is in the tables. */
  sessions: 1000,
  /** Events of one session. */
  events: 1000,
  /** Steps of one session, and of all. */
  steps: 2000,
  allSteps: 50_000,
  /**
   * Objects remembered at a time; past it, what is known of all of them goes into the tables and they are forgotten.
   */
  allObjects: 100_000,
  /** Bytes that what is remembered of them takes, reckoned: past it likewise. */
  allBytes: 134_217_728,
  /** Elements of one collection, or of one list. */
  items: 10_000,
  /** Properties of one object. */
  properties: 512,
  /** Rows of one table. */
  rows: 10_000,
  /** Earlier values kept of one cell. */
  before: 8,
  /** Characters of one text. */
  text: 4096,
  /** Objects named by one row. */
  objects: 16,
  /** Connections whose session is remembered; past it, it is looked up again. */
  flows: 65_536,
  /** Interfaces whose slots are remembered. */
  interfaces: 4096,
} as const;
