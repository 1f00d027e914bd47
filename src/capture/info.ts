/** An interface as the file describes it; texts are cut to MAX_OPTION_TEXT bytes. */
export interface CaptureInterfaceInfo {
  /** Section it belongs to, from 1; 1 for pcap. */
  readonly section: number;
  /** Index within its section. */
  readonly id: number;
  readonly linkType: number;
  /** 0: no limit. */
  readonly snapLength: number;
  name: string | null;
  description: string | null;
  system: string | null;
  /** The capture filter, as text. */
  filter: string | null;
  /** Packets dropped by the interface (isb_ifdrop) and by the system (isb_osdrop): counters, so the last ones given. */
  droppedByInterface: number;
  droppedBySystem: number;
}

/** Secrets of a Decryption Secrets Block, as they lie in the file. */
interface CaptureSecrets {
  /** e.g. 0x544c534b for a TLS key log (draft-ietf-opsawg-pcapng 4.7). */
  readonly type: number;
  readonly data: Uint8Array;
}

/** What the file says of itself, for reports; bounded by capture/limits.ts. Grows while the file is read. */
export interface CaptureInfo {
  readonly format: 'pcap' | 'pcapng';
  sections: number;
  /** Interfaces described, over all sections. */
  interfaces: number;
  readonly described: CaptureInterfaceInfo[];
  readonly comments: string[];
  hardware: string | null;
  system: string | null;
  application: string | null;
  /** Packets the capturing side says it dropped, over all interfaces that are kept in `described`. */
  dropped: number;
  readonly secrets: CaptureSecrets[];
  nameBlocks: number;
  secretBlocks: number;
  skippedBlocks: number;
}

/** A value to fill in while reading. */
export function emptyInfo(format: CaptureInfo['format']): CaptureInfo {
  return {
    format,
    sections: 0,
    interfaces: 0,
    described: [],
    comments: [],
    hardware: null,
    system: null,
    application: null,
    dropped: 0,
    secrets: [],
    nameBlocks: 0,
    secretBlocks: 0,
    skippedBlocks: 0,
  };
}

/** An interface of which nothing but the fixed fields is known. */
export function plainInterface(
  section: number,
  id: number,
  linkType: number,
  snapLength: number,
): CaptureInterfaceInfo {
  return {
    section,
    id,
    linkType,
    snapLength,
    name: null,
    description: null,
    system: null,
    filter: null,
    droppedByInterface: 0,
    droppedBySystem: 0,
  };
}
