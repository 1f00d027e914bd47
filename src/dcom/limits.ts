/** Named bounds of this room; docs/limits.md lists them. */

/** Properties read from one activation blob ([MS-DCOM] 2.2.28.1 allows 10); further ones stay bytes. */
export const MAX_PROPERTIES = 64;
/** Activation blobs inside activation blobs; a deeper one stays bytes. */
export const MAX_NESTING = 4;
/** Exporters whose bindings are kept, so that the OBJREFs of one exporter share them. A power of two. */
export const BINDING_SLOTS = 64;
