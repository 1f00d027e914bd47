import { EncodeError, type Registry } from '../../src/ndr/codec.js';
import type { LinkCall } from '../../src/peer/link/client.js';
import type { RecordedCall } from '../recording/records.js';

/** How often a client pings what it holds: every 120 seconds ([MS-DCOM] 3.2.6.1). */
export const PING_PERIOD_MS = 120_000;

const OBJECT_EXPORTER = { uuid: '99fcfec4-5260-101b-bbcb-00aa0021347a', major: 0, minor: 0 };
const COMPLEX_PING = 2;
const NO_SET = '0x0000000000000000';
/** A ping names its objects in 16-bit counts. */
const MAX_CHANGES = 0xffff;

/** The ping set of a client: what it holds, and the calls that tell its server ([MS-DCOM] 3.2.4.1). */
export class Pings {
  private readonly registry: Registry;
  private set = NO_SET;
  private sequence = 0;
  private readonly told = new Set<string>();

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** The next ping for what is held now; null while there never was anything to ping. */
  next(held: readonly string[]): LinkCall | null {
    if (held.length === 0 && this.told.size === 0) return null;
    const now = new Set(held);
    const added = held.filter((oid) => !this.told.has(oid)).slice(0, MAX_CHANGES);
    const gone = [...this.told].filter((oid) => !now.has(oid)).slice(0, MAX_CHANGES);
    const codec = this.registry.method(OBJECT_EXPORTER.uuid, COMPLEX_PING, { littleEndian: true, syntax: 'ndr20' });
    if (codec === null) return null;
    try {
      const stub = codec.request.encode({
        pSetId: this.set,
        SequenceNum: (this.sequence = (this.sequence + 1) & 0xffff),
        cAddToSet: added.length,
        cDelFromSet: gone.length,
        AddToSet: added.length === 0 ? null : added,
        DelFromSet: gone.length === 0 ? null : gone,
      });
      for (const oid of added) this.told.add(oid);
      for (const oid of gone) this.told.delete(oid);
      return {
        abstract: OBJECT_EXPORTER,
        transfer: 'ndr20',
        opnum: COMPLEX_PING,
        object: null,
        stub,
        drep: { littleEndian: true, ebcdic: false, float: 'ieee' },
      };
    } catch (error) {
      if (error instanceof EncodeError) return null;
      throw error;
    }
  }

  /** A ping was answered; a set that the server does not know any more is begun anew. */
  answered({ out, hresult }: RecordedCall): void {
    const { pSetId } = out;
    if (hresult === 0 && typeof pSetId === 'string') {
      this.set = pSetId;
      return;
    }
    this.set = NO_SET;
    this.told.clear();
  }
}
