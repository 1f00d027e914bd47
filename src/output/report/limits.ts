/**
 * Named bounds of a report; docs/limits.md lists them. They keep the report of any capture small enough to mail and to
 * open.
 */
export const REPORT_LIMITS = {
  /** Calls shown in full, by why they are shown. `beginning` is what `--calls` sets. */
  failed: 100,
  finding: 100,
  problem: 50,
  slow: 20,
  member: 150,
  beginning: 50,
  /** Fields shown of one stub, and bytes of its dump. */
  fields: 300,
  bytes: 1024,
  /** Findings of one rule, and problems of one code, that are told one by one. */
  findings: 100,
  problems: 50,
  /** Refused connections told one by one. */
  connections: 100,
  /** Rules and codes told apart. */
  groups: 256,
  /** Objects shown of the object graph. */
  objects: 3000,
  /** Logons, and kinds of protection. */
  logons: 500,
  uses: 500,
  conversations: 1000,
  /** Connections whose conversation is remembered; past it, it is looked up again. */
  flows: 65_536,
  ports: 16,
  users: 16,
  /** Members and results shown. */
  members: 500,
  results: 200,
  /** Sessions told in full, and their events and steps. */
  sessions: 100,
  events: 500,
  steps: 300,
  /** Rows of one table, and events of one topic. */
  rows: 5000,
  topicEvents: 1000,
  /** Characters of one value. */
  text: 4096,
  /** Calls remembered for findings that come a little later. */
  recent: 32,
  /** Differences of two captures told one by one. */
  changes: 1000,
} as const;
