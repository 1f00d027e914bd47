import type { Fields } from '../../src/ndr/codec.js';
import type { RecordedCall } from '../recording/records.js';
import type { Exporters } from './exporters.js';

/** An interface of a live object, or why it is not there. */
export type Face =
  | { readonly ipid: string; readonly refused: null }
  | { readonly ipid: null; readonly refused: string };

/** What faces ask for on the wire: one call on the IRemUnknown of an exporter. `done` gets null where it failed. */
export type RemCall = (
  remUnknown: string,
  opnum: number,
  value: Fields,
  done: (record: RecordedCall | null) => void,
) => void;

/** IRemUnknown ([MS-DCOM] 3.1.1.5.6): its IID, and the slots that are called by the player itself. */
export const REM_UNKNOWN = { iid: '00000131-0000-0000-c000-000000000046', queryInterface: 3, release: 5 } as const;
/** References that a query asks for, as clients of Windows do ([MS-DCOM] 3.2.4.4.3). */
const REFERENCES = 5;

/** Asks live objects for interfaces that the recording never needed, and gives back in the end what was got so. */
export class Faces {
  private readonly known = new Map<string, Face | ((face: Face) => void)[]>();
  private readonly exporters: Exporters;
  private readonly held: { readonly ipid: string; readonly remUnknown: string; readonly call: RemCall }[] = [];

  constructor(exporters: Exporters) {
    this.exporters = exporters;
  }

  /** The interface `iid` of the object behind an IPID. `then` is called once, maybe at once. */
  of(
    live: { readonly ipid: string; readonly oxid: string | null },
    iid: string,
    call: RemCall,
    then: (face: Face) => void,
  ): void {
    const key = `${live.ipid} ${iid}`;
    const known = this.known.get(key);
    if (Array.isArray(known)) known.push(then);
    else if (known !== undefined) then(known as Face);
    if (known !== undefined) return;
    const remUnknown = this.exporters.remUnknown(live.oxid);
    if (remUnknown === null) {
      then({ ipid: null, refused: 'nobody said where the IRemUnknown of its exporter is' });
      return;
    }
    const waiting = [then];
    this.known.set(key, waiting);
    call(
      remUnknown,
      REM_UNKNOWN.queryInterface,
      { ripid: live.ipid, cRefs: REFERENCES, cIids: 1, iids: [iid] },
      (record) => {
        const face = faceIn(record);
        this.known.set(key, face);
        if (face.ipid !== null) this.held.push({ ipid: face.ipid, remUnknown, call });
        for (const one of waiting) one(face);
      },
    );
  }

  /** Gives back what was asked for; `done` is called when that is over. */
  release(done: () => void): void {
    let left = this.held.length;
    if (left === 0) {
      done();
      return;
    }
    for (const { ipid, remUnknown, call } of this.held.splice(0)) {
      call(
        remUnknown,
        REM_UNKNOWN.release,
        { cInterfaceRefs: 1, InterfaceRefs: [{ ipid, cPublicRefs: REFERENCES, cPrivateRefs: 0 }] },
        () => {
          if (--left === 0) done();
        },
      );
    }
  }
}

function faceIn(record: RecordedCall | null): Face {
  const results = record?.out['ppQIResults'];
  const first = Array.isArray(results) ? (results[0] as Fields | undefined) : undefined;
  const std = first?.['std'] as Fields | undefined;
  if (first?.['hResult'] === 0 && typeof std?.['ipid'] === 'string') return { ipid: std['ipid'], refused: null };
  return { ipid: null, refused: record === null ? 'the query for it was not answered' : 'the object does not have it' };
}
