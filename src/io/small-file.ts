import { closeSync, openSync, readSync } from 'node:fs';

/** Bytes of a file of passwords, keys or tickets, of a query, of the user's own settings. docs/limits.md */
export const MAX_SMALL_FILE = 64 * 1024 * 1024;

/**
 * A file that is read whole, also where it is a pipe or a device, which has no size. @throws Error when it cannot be read,
 * RangeError when there is more of it than {@link MAX_SMALL_FILE}
 */
export function readSmallFile(path: string, most = MAX_SMALL_FILE): Buffer {
  const file = openSync(path, 'r');
  try {
    const pieces: Buffer[] = [];
    let size = 0;
    for (;;) {
      const piece = Buffer.allocUnsafe(PIECE);
      const read = readSync(file, piece, 0, PIECE, null);
      if (read === 0) return Buffer.concat(pieces, size);
      size += read;
      if (size > most) throw new RangeError(`it has more than ${most} bytes`);
      pieces.push(piece.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}

const PIECE = 64 * 1024;
