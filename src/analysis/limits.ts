/** Named bounds of the analysis; docs/limits.md lists them. */
export interface AnalysisLimits {
  /** Objects whose IPIDs are remembered over all servers; the oldest is forgotten first. */
  readonly objects: number;
  /** Problems kept on one call; the rest are counted. */
  readonly problemsPerCall: number;
  /** Depth of the search for interface pointers inside a decoded value. */
  readonly valueDepth: number;
}

export const ANALYSIS_LIMITS: AnalysisLimits = { objects: 262_144, problemsPerCall: 64, valueDepth: 32 };
