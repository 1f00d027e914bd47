/** Named bounds of the capture readers; docs/limits.md lists them. */

/** Largest packet or pcapng block that is believed, in bytes; anything larger is damage, and reading stops there. */
export const MAX_RECORD = 16 * 1024 * 1024;
/** Interfaces of one pcapng section. */
export const MAX_INTERFACES = 65_536;
/** Text kept of one option (comments, names), in bytes. */
export const MAX_OPTION_TEXT = 4096;
