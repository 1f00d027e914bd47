/** Named bounds of the rules; docs/limits.md lists them. */
export const RULE_LIMITS = {
  /** Facts remembered of objects and connections; the oldest is forgotten first. */
  facts: 65_536,
  /** Interfaces whose slots have their rules looked up. */
  interfaces: 4096,
  /** Objects of one result that anything is learnt of. */
  made: 4096,
  /** UTF-16 units of a text that is remembered to be compared. */
  kept: 1024,
  /** UTF-16 units of a value that a message shows. */
  shown: 120,
} as const;
