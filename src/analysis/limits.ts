/** Named bounds of the analysis; docs/limits.md lists them. */
export interface AnalysisLimits {
  /** IPIDs that are remembered over all servers; the oldest that is no longer called is forgotten first. */
  readonly objects: number;
  /** Problems kept on one call; the rest are counted. */
  readonly problemsPerCall: number;
  /** Ping sets followed, and OIDs in all of them. */
  readonly pingSets: number;
  readonly pingMembers: number;
  /** Types learnt from type information, and members of one of them. */
  readonly types: number;
  readonly typeMembers: number;
  /** Contexts that nobody saw negotiated and whose interface was worked out. */
  readonly contexts: number;
  /** Peers and interfaces whose numbering is judged. */
  readonly numberings: number;
  /** Callbacks that wait for the call that caused them. */
  readonly callbacks: number;
}

/**
 * IPIDs remembered of an interface that is watched for days, and in the terminal analyzer, beside its calls: an object
 * takes about 2 KB.
 */
export const WATCHED_OBJECTS = 32_768;
export const SHOWN_OBJECTS = 65_536;

export const ANALYSIS_LIMITS: AnalysisLimits = {
  objects: 262_144,
  problemsPerCall: 64,
  pingSets: 65_536,
  pingMembers: 1_048_576,
  types: 4096,
  typeMembers: 4096,
  contexts: 65_536,
  numberings: 65_536,
  callbacks: 65_536,
};
