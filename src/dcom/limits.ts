/** Named bounds of this room; docs/limits.md lists them. */

/** Properties read from one activation blob ([MS-DCOM] 2.2.28.1 allows 10); further ones stay bytes. */
export const MAX_PROPERTIES = 64;
/**
 * Levels of a value (MAX_VALUE_DEPTH) that bytes inside an OBJREF count for, besides their own: reading them takes
 * several reads of all that is in them, so that four blobs inside one another are followed and a fifth stays bytes.
 */
export const BLOB_LEVELS = 40;
/** Exporters whose bindings are kept, so that the OBJREFs of one exporter share them. A power of two. */
export const BINDING_SLOTS = 64;
