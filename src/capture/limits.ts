/** Named bounds of the capture readers; docs/limits.md lists them. */

/** Largest packet or pcapng block that is believed, in bytes; anything larger is damage, and reading stops there. */
export const MAX_RECORD = 16 * 1024 * 1024;
/**
 * Captured bytes of a classic pcap record that are believed whatever smaller snap length the file states: libpcap's own
 * largest.
 */
export const MAX_PACKET = 256 * 1024;
/** Interfaces of one pcapng section. */
export const MAX_INTERFACES = 65_536;
/** Text kept of one option (comments, names), in bytes. */
export const MAX_OPTION_TEXT = 4096;
/** Comments of sections, interfaces and statistics that are kept. */
export const MAX_COMMENTS = 64;
/** Interfaces whose names and drop counts are kept for reports, over all sections. */
export const MAX_DESCRIBED_INTERFACES = 1024;
/** Bytes of decryption secrets that are kept, over all blocks. */
export const MAX_SECRET_BYTES = 1024 * 1024;
/** Decryption secrets blocks that are kept. */
export const MAX_SECRETS = 256;
