/** Named bounds of the network stages; docs/limits.md lists them. */
export interface NetLimits {
  /** Connections followed at once; past it the one silent longest is let go. */
  readonly flows: number;
  /** Seconds of silence after which a connection is let go when room is needed for another. */
  readonly idleS: number;
  /** Out-of-order bytes kept for one direction of a connection; past it the hole before them is given up. */
  readonly outOfOrderPerFlow: number;
  /** Out-of-order segments kept for one direction. */
  readonly segmentsPerFlow: number;
  /** Out-of-order bytes kept over all connections. */
  readonly outOfOrderTotal: number;
  /** IP packets in reassembly at once. */
  readonly fragmentedPackets: number;
  /** Fragment bytes kept in all. */
  readonly fragmentBytes: number;
  /** Fragments of one packet. */
  readonly fragmentsPerPacket: number;
  /** Seconds, by frame time, after which an unfinished packet is dropped (RFC 8200 4.5 says 60). */
  readonly fragmentTimeoutS: number;
  /** VLAN, PPPoE and extension headers followed in one packet. */
  readonly headerDepth: number;
}

export const NET_LIMITS: NetLimits = {
  flows: 65_536,
  idleS: 3600,
  outOfOrderPerFlow: 1024 * 1024,
  segmentsPerFlow: 4096,
  outOfOrderTotal: 64 * 1024 * 1024,
  fragmentedPackets: 1024,
  fragmentBytes: 16 * 1024 * 1024,
  fragmentsPerPacket: 128,
  fragmentTimeoutS: 60,
  headerDepth: 16,
};
