/** Named bounds of the network stages; docs/limits.md lists them. */
export interface NetLimits {
  /** Connections followed at once; past it the one silent longest is let go. */
  readonly flows: number;
  /**
   * Connections whose addresses and ports share one slot of the table; past it the one silent longest is let go. Chance
   * alone never gets there.
   */
  readonly flowsPerSlot: number;
  /**
   * Seconds of silence after which a connection that is let go counts as idle rather than as one that had to make room.
   */
  readonly idleS: number;
  /** Out-of-order bytes kept for one direction of a connection; past it the hole before them is given up. */
  readonly outOfOrderPerFlow: number;
  /** Out-of-order segments kept for one direction. */
  readonly segmentsPerFlow: number;
  /** Out-of-order bytes kept over all connections. */
  readonly outOfOrderTotal: number;
  /** Out-of-order segments kept over all connections: each costs some 500 bytes beside its own. */
  readonly segmentsTotal: number;
  /** Delivered segments, over all connections, that bytes sent again are compared with. */
  readonly comparedSegments: number;
  /**
   * Distance in bytes, from where a stream stands, up to which a FIN, a RST or an acknowledgement of unseen bytes is
   * believed.
   */
  readonly believedDistance: number;
  /** Packets behind a hole that the other side received, after which it is given up: captures misorder a little. */
  readonly ackedSegments: number;
  /** Milliseconds, by frame time, after which such a hole is given up whatever is behind it. */
  readonly ackedWaitMs: number;
  /**
   * Milliseconds, by frame time, and frames that have to pass before bytes are given up that the other side received,
   * where nothing behind them was seen either: they may come from another point, queue or clock.
   */
  readonly orderWaitMs: number;
  readonly orderWaitFrames: number;
  /** IP packets in reassembly at once. */
  readonly fragmentedPackets: number;
  /** Fragment bytes kept in all. */
  readonly fragmentBytes: number;
  /** Fragments of one packet. */
  readonly fragmentsPerPacket: number;
  /** Seconds, by frame time, after which an unfinished packet is dropped (RFC 8200 4.5 says 60). */
  readonly fragmentTimeoutS: number;
  /** Seconds in which fragments of a packet that is whole are copies of it. */
  readonly fragmentCopyS: number;
  /** VLAN tags, MPLS labels and extension headers followed in one packet. */
  readonly headerDepth: number;
}

export const NET_LIMITS: NetLimits = {
  flows: 65_536,
  flowsPerSlot: 64,
  idleS: 3600,
  outOfOrderPerFlow: 1024 * 1024,
  segmentsPerFlow: 4096,
  outOfOrderTotal: 64 * 1024 * 1024,
  segmentsTotal: 131_072,
  comparedSegments: 32,
  believedDistance: 4 * 1024 * 1024,
  ackedSegments: 4,
  ackedWaitMs: 50,
  orderWaitMs: 500,
  orderWaitFrames: 1024,
  fragmentedPackets: 1024,
  fragmentBytes: 16 * 1024 * 1024,
  fragmentsPerPacket: 128,
  fragmentTimeoutS: 60,
  fragmentCopyS: 2,
  headerDepth: 16,
};
