import type { Fields } from '../../src/ndr/codec.js';
import type { Value } from '../../src/types.js';
import type { RecordedCall } from '../recording/records.js';
import { portsIn } from './mapping.js';

interface Exporter {
  readonly remUnknown: string;
  readonly port: number | null;
}

/** The answer to an activation nests its properties about so deep. */
const MAX_DEPTH = 16;

/**
 * Object exporters of the live server, by OXID: activations and resolved OXIDs say where they listen and where their
 * IRemUnknown is ([MS-DCOM] 2.2.22.2.8, 3.1.2.5.1.6).
 */
export class Exporters {
  private readonly known = new Map<string, Exporter>();

  learn(record: RecordedCall): void {
    const { pOxid } = record.in;
    const { pipidRemUnknown, ppdsaOxidBindings } = record.out;
    if (typeof pipidRemUnknown === 'string' && typeof pOxid === 'string')
      this.known.set(pOxid, { remUnknown: pipidRemUnknown, port: portOf(ppdsaOxidBindings) });
    else this.find(record.out, 0);
  }

  /** IPID of an exporter's IRemUnknown, or null. */
  remUnknown(oxid: string | null): string | null {
    return this.known.get(oxid ?? '')?.remUnknown ?? null;
  }

  /** Port at which an exporter listens, or null. */
  port(oxid: string | null): number | null {
    return this.known.get(oxid ?? '')?.port ?? null;
  }

  /** Port of the exporter that has this IRemUnknown, or null. */
  portOfRemUnknown(ipid: string): number | null {
    for (const one of this.known.values()) if (one.remUnknown === ipid) return one.port;
    return null;
  }

  /** Port of the exporter that was learnt last, or null. */
  get anyPort(): number | null {
    return [...this.known.values()].at(-1)?.port ?? null;
  }

  private find(value: Value, depth: number): void {
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array || depth > MAX_DEPTH) return;
    const { Oxid, ipidRemUnknown, pdsaOxidBindings } = value as Fields;
    if (typeof Oxid === 'string' && typeof ipidRemUnknown === 'string')
      this.known.set(Oxid, { remUnknown: ipidRemUnknown, port: portOf(pdsaOxidBindings) });
    else for (const one of Object.values(value)) this.find(one as Value, depth + 1);
  }
}

function portOf(bindings: Value | undefined): number | null {
  const list =
    bindings !== null && typeof bindings === 'object' && !Array.isArray(bindings)
      ? (bindings as Fields)['stringBindings']
      : null;
  return Array.isArray(list) ? (portsIn(list as readonly Value[])[0] ?? null) : null;
}
