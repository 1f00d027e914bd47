declare module 'lz4js' {
  /**
   * Decompresses one LZ4 block into `dst` at `dIndex`, with the bytes before it as history; returns the end position.
   */
  export function decompressBlock(
    src: Uint8Array,
    dst: Uint8Array,
    sIndex: number,
    sLength: number,
    dIndex: number,
  ): number;
  export function compress(src: Uint8Array): Uint8Array;
}
