/** Why the system refused, in words, by the error's code (errno(3)). */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is no directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied: ask its owner, or copy it to where you may read it',
  EPERM: 'permission denied: ask its owner, or copy it to where you may read it',
  EEXIST: 'it exists already',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota of the disk is used up',
  EROFS: 'the file system is read-only',
  EIO: 'the disk cannot be read or written there',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many files are open',
  EFBIG: 'the file would be larger than the file system or a limit allows',
};
/** Where a file was to be written, these say more. */
const WRITING: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory',
  EACCES: 'permission denied: name a file where you may write',
  EPERM: 'permission denied: name a file where you may write',
};

/** Why a folder could not be read, in words. */
export function folderReason(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'there is no such folder';
  return code === 'ENOTDIR' ? 'it is a file: give the folder that holds it' : fileReason(error);
}

/** Why a file could not be read, in words; for errors without a code their own message. */
export function fileReason(error: unknown): string {
  return REASONS[codeOf(error)] ?? messageOf(error);
}

/** Why a file could not be written. */
export function writeReason(error: unknown): string {
  return WRITING[codeOf(error)] ?? fileReason(error);
}

/** What the C library says, by the code: libraries hand on nothing else. */
const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'No space left on device',
  EDQUOT: 'Disk quota exceeded',
  EROFS: 'Read-only file system',
  EIO: 'Input/output error',
  EFBIG: 'File too large',
};

/** Why a file could not be written, where a library tells of it in words of its own; null where those are not known. */
export function toldReason(message: string): string | null {
  const code = Object.keys(WORDS).find((one) => message.includes(WORDS[one] ?? one));
  return code === undefined ? null : (REASONS[code] ?? null);
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host, or no name server answers',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  ETIMEDOUT: 'it does not answer',
};

/** Why nobody was reached, in words. */
export function networkReason(error: unknown): string {
  return NETWORK[codeOf(error)] ?? messageOf(error);
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
