import { MAX_VALUE_DEPTH } from '../../src/ndr/value.js';

/** Largest payload of one record, in bytes: a stub in both directions, typed and as bytes, with room to spare. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;
/**
 * Levels around the levels of a call's values: what holds the record, the record, the value itself, and the map for a
 * text that UTF-8 would lose.
 */
const LEVELS_AROUND = 4;
/** Nesting of values in a record: whatever a call may hold is read back. */
export const MAX_RECORD_DEPTH = MAX_VALUE_DEPTH + LEVELS_AROUND;
/**
 * Bytes checked by CRC while looking for the next whole record behind damage, for one file: a file made to look like
 * record heads everywhere is given up.
 */
export const MAX_RESYNC_BYTES = 256 * 1024 * 1024;
/**
 * Lists and maps in one record: an empty one is one byte of a file, and a hundred and fifty in memory. More than the
 * elements of any call that is read.
 */
export const MAX_RECORD_CONTAINERS = 4_194_304;
/** Lines of one block of the text form: a value each, of a request and a response with all elements that are read. */
export const MAX_BLOCK_LINES = 8_388_608;
/** Characters of one block of the text form: what a record of {@link MAX_RECORD_BYTES} takes in it. */
export const MAX_BLOCK_CHARACTERS = 4 * MAX_RECORD_BYTES;
/** Problems kept of one recording; the rest are counted. */
export const MAX_RECORDING_PROBLEMS = 256;
/** Files read at most, in bytes. */
export const MAX_RECORDING_BYTES = 1024 * 1024 * 1024;
