import { placeOf } from '../dcom/bindings.js';
import type { ExporterInfo } from '../dcom/exporters.js';
import { readExporter } from '../dcom/resolver.js';
import type { Fields } from '../ndr/value.js';
import { AUTH_LEVELS, type AuthLevel } from '../types.js';

/** An object exporter of the server, and where it listens ([MS-DCOM] 3.2.1, OXID table). */
export interface Exporter extends Omit<ExporterInfo, 'bindings'> {
  readonly oxid: string;
  /** Null: its bindings name no TCP port. */
  readonly port: number | null;
  /** The host that its bindings name, where that is another than the one that was dialled. */
  readonly elsewhere: string | null;
}

/** The object exporters of a server, by OXID: activations and resolved OXIDs tell of them. */
export class Exporters {
  private readonly known = new Map<string, Exporter>();

  learn(exporter: Exporter): void {
    // What was learnt last stands last.
    this.known.delete(exporter.oxid);
    this.known.set(exporter.oxid, exporter);
  }

  get(oxid: string | null): Exporter | null {
    return this.known.get(oxid ?? '') ?? null;
  }

  /** The exporter that has this IRemUnknown, or null. */
  withRemUnknown(ipid: string): Exporter | null {
    for (const one of this.known.values()) if (one.ipidRemUnknown === ipid) return one;
    return null;
  }

  /** The exporter that was learnt last, or null. */
  get last(): Exporter | null {
    return [...this.known.values()].at(-1) ?? null;
  }
}

/** The level for calls of an exporter: the one wanted, raised to its hint, unless calls are not protected at all. */
export function levelFor(wanted: AuthLevel, { authnHint }: Pick<Exporter, 'authnHint'>): AuthLevel {
  if (wanted === 'none') return wanted;
  return AUTH_LEVELS[Math.max(AUTH_LEVELS.indexOf(wanted), Math.min(authnHint, AUTH_LEVELS.length - 1))] ?? wanted;
}

/** The exporter that an answer of a server tells of; null where it tells of none. `host` is who was called. */
export function exporterIn(request: Fields, response: Fields, host: string): Exporter | null {
  const read = readExporter(response, request);
  if (read === null || read.oxid === null) return null;
  const { oxid, ipidRemUnknown, authnHint, version } = read;
  const { port, elsewhere } = placeOf(read.bindings, host) ?? { port: null, elsewhere: null };
  return { oxid, ipidRemUnknown, authnHint, version, port, elsewhere };
}
