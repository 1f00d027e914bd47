/** Where a pane lies on the screen, without its border. */
export interface Area {
  readonly column: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
}

/** Bytes in a row of the bytes pane of this width. */
export function bytesPerRow(width: number): 8 | 16 {
  return width >= 72 ? 16 : 8;
}
