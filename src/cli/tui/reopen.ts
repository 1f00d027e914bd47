import { deserialize, serialize } from 'node:v8';
import { weightOf } from '../../analysis/weight.js';
import type { CaptureIndex, KeptPieces, LongPiece } from '../../io/index/capture-index.js';
import { UsageError } from '../../io/streams.js';
import type { BlockStore } from '../../tui/session/archive.js';
import { Session, type KeptSession, type SessionOptions } from '../../tui/session/session.js';

/** It grows when what is kept of a session has another form in the same version of the program. */
export const SESSION_FORM = 1;

/** Elements of a list that are put into one piece: more of them at once would hold up keys. */
const AT_ONCE = 4096;

type Parts = KeptSession['archive']['parts'];

/** The lists of a session that grow with its input. */
type Lists = Pick<KeptSession, 'rows' | 'titles' | 'conversations' | 'objects' | 'notices'> &
  Omit<Parts, 'objects'> &
  Pick<KeptSession['archive'], 'heads' | 'ordinary' | 'structures'> & { readonly references: Parts['objects'] };

/** What is left of it. */
interface Facts {
  readonly archive: Omit<KeptSession['archive'], 'parts' | 'heads' | 'ordinary' | 'structures'>;
  readonly figures: KeptSession['figures'];
  readonly noticesLost: number;
  readonly reading: KeptSession['reading'];
  readonly frames: number;
}

/** Sessions that are kept of captures, and opened again. */
export class KeptSessions {
  private readonly make: () => CaptureIndex | null;
  private readonly options: Omit<SessionOptions, 'store' | 'security'>;
  private ending = new AbortController();
  private readonly opened: KeptPieces[] = [];
  private index: CaptureIndex | null;
  private isAgain = false;
  private writing: Promise<unknown> = Promise.resolve();

  /** @param make the index of captures as they are and are to be read now. @throws UsageError where it throws one */
  constructor(make: () => CaptureIndex | null, options: Omit<SessionOptions, 'store' | 'security'>) {
    this.make = make;
    this.options = options;
    this.index = make();
  }

  /** The session that is kept; null where none is of the captures as they are, and why, if it might have been. */
  async open(): Promise<{ readonly session: Session | null; readonly note: string | null }> {
    const { index } = this;
    // What is kept is of what was read before that.
    if (index === null || this.isAgain) return { session: null, note: null };
    const pieces = await index.read();
    const session = pieces === null ? null : this.sessionOf(pieces, index);
    return { session, note: index.note };
  }

  private sessionOf(pieces: KeptPieces, index: CaptureIndex): Session | null {
    this.opened.push(pieces);
    try {
      return new Session({ ...this.options, store: new KeptBlocks(pieces, pieces.count - 1) }, sessionIn(pieces));
    } catch (error) {
      index.refuse(error);
      return null;
    }
  }

  /** Keeps a session that was read to its end; null where that hindered nothing, or a word on what did. */
  async keep(session: Session): Promise<string | null> {
    const { index } = this;
    if (index === null || session.reading.state !== 'done' || isRefused(session)) return null;
    const kept = session.kept();
    if (kept === null) return null;
    const writing = index.write(piecesOf(kept, session), this.ending.signal);
    this.writing = writing;
    await writing;
    return index.note;
  }

  /** The captures are read anew: with another secret, or because they have grown. */
  async again(): Promise<void> {
    this.isAgain = true;
    this.ending.abort();
    await this.writing;
    this.ending = new AbortController();
    try {
      this.index = this.make();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.index = null;
    }
  }

  /** Nobody looks any more: what is not kept by now is not kept. */
  async close(): Promise<void> {
    this.ending.abort();
    await this.writing;
    for (const pieces of this.opened) await pieces.close();
  }
}

/** Whether one of the inputs is no capture that is read. */
function isRefused({ notices }: Session): boolean {
  return notices.some((one) => one.kind === 'problem' && weightOf(one) === 'refused');
}

/** Facts, lists in slices, and the blocks of calls as the last piece. */
function* piecesOf(kept: KeptSession, session: Session): Generator<Uint8Array | LongPiece> {
  const { archive, rows, titles, conversations, objects, notices, ...others } = kept;
  const { parts, heads, ordinary, structures, ...facts } = archive;
  const { objects: references, ...shared } = parts;
  yield serialize({ archive: facts, ...others } satisfies Facts);
  const lists: Lists = {
    rows,
    titles,
    conversations,
    objects,
    notices,
    heads,
    ordinary,
    structures,
    references,
    ...shared,
  };
  // Rows are columns of many calls already.
  for (const [name, list] of Object.entries(lists))
    for (let at = 0, by = name === 'rows' ? 1 : AT_ONCE; at < list.length; at += by)
      yield serialize([name, list.slice(at, at + by)]);
  yield { size: archive.places.at(-1) ?? 0, parts: session.blocks() };
}

function sessionIn(pieces: KeptPieces): KeptSession {
  const { archive, ...others } = deserialize(pieces.read(0)) as Facts;
  const found: { [name in keyof Lists]: unknown[] } = {
    rows: [],
    titles: [],
    conversations: [],
    objects: [],
    notices: [],
    heads: [],
    ordinary: [],
    structures: [],
    references: [],
    seats: [],
    auths: [],
    texts: [],
    dreps: [],
  };
  for (let piece = 1; piece < pieces.count - 1; piece++) {
    const [name, part] = deserialize(pieces.read(piece)) as [keyof Lists, unknown[]];
    for (const one of part) found[name].push(one);
  }
  // They are what `piecesOf` wrote: the index says who wrote it.
  const { rows, titles, conversations, objects, notices, heads, ordinary, structures, references, ...shared } =
    found as unknown as Lists;
  return {
    ...others,
    rows,
    titles,
    conversations,
    objects,
    notices,
    archive: { ...archive, heads, ordinary, structures, parts: { ...shared, objects: references } },
  };
}

/** Blocks of calls in an index. */
class KeptBlocks implements BlockStore {
  readonly inMemory = 0;
  readonly begin = 0;
  private readonly pieces: KeptPieces;
  private readonly piece: number;

  constructor(pieces: KeptPieces, piece: number) {
    this.pieces = pieces;
    this.piece = piece;
  }

  /** Nothing is added to what was read to its end. */
  add(): never {
    throw new Error('an index takes no more calls');
  }

  read(at: number, size: number): Uint8Array {
    return this.pieces.read(this.piece, at, size);
  }

  forget(): void {
    // Nothing of it takes memory.
  }
}
