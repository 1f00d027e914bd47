import { GUID_NULL } from '../../src/bytes/guid.js';
import type { Value } from '../../src/types.js';
import { isIdentifier } from './plan.js';

type Bag = { readonly [name: string]: Value };
const MAX_DEPTH = 96;

/**
 * Identifiers and ports of a recording, and what they are on the live server: told by the places where they were handed
 * out.
 */
export class Mapping {
  private readonly ids = new Map<string, string>();
  private readonly back = new Map<string, string>();
  private readonly ports = new Map<number, number>();
  private readonly causalities = new Map<string, string>();
  private readonly guid: () => string;

  constructor(guid: () => string) {
    this.guid = guid;
  }

  /** The live identifier, or null while the server handed none out at its place. */
  live(id: string): string | null {
    return this.ids.get(id) ?? null;
  }

  /** The recorded identifier of a live one; the live one where it has none. */
  recorded(id: string): string {
    return this.back.get(id) ?? id;
  }

  port(recorded: number): number | null {
    return this.ports.get(recorded) ?? null;
  }

  /** Takes note of what stands where in the recorded answer and in the live one. */
  learn(recorded: Value, live: Value, depth = 0): void {
    if (typeof recorded === 'string') {
      if (
        typeof live === 'string' &&
        isIdentifier(recorded) &&
        isIdentifier(live) &&
        recorded !== GUID_NULL &&
        live !== GUID_NULL &&
        !this.ids.has(recorded)
      ) {
        this.ids.set(recorded, live);
        this.back.set(live, recorded);
      }
      return;
    }
    if (
      recorded === null ||
      live === null ||
      typeof recorded !== 'object' ||
      typeof live !== 'object' ||
      depth > MAX_DEPTH
    )
      return;
    if (recorded instanceof Uint8Array || live instanceof Uint8Array) return;
    if (Array.isArray(recorded)) {
      if (!Array.isArray(live)) return;
      for (const [at, one] of (recorded as readonly Value[]).entries()) {
        const other = (live as readonly Value[])[at];
        if (other !== undefined) this.learn(one, other, depth + 1);
      }
      return;
    }
    if (Array.isArray(live)) return;
    const [before, after] = [recorded as Bag, live as Bag];
    this.bindings(before['stringBindings'], after['stringBindings']);
    for (const name in before) {
      const other = after[name];
      if (other !== undefined && name !== 'stringBindings' && name !== 'iid' && name !== 'cid')
        this.learn(before[name] as Value, other, depth + 1);
    }
  }

  /** A value with its identifiers as the live server knows them. */
  translate(value: Value, depth = 0): Value {
    if (typeof value === 'string') return this.ids.get(value) ?? value;
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array || depth > MAX_DEPTH) return value;
    if (Array.isArray(value)) return (value as readonly Value[]).map((one) => this.translate(one, depth + 1));
    return Object.fromEntries(
      Object.entries(value as Bag).map(([name, one]) => [
        name,
        name === 'cid' && typeof one === 'string' ? this.causality(one) : this.translate(one, depth + 1),
      ]),
    );
  }

  /** A causality of its own for every recorded one. */
  causality(recorded: string): string {
    const known = this.causalities.get(recorded);
    if (known !== undefined) return known;
    const made = this.guid();
    this.causalities.set(recorded, made);
    return made;
  }

  /** `host[port]` of DUALSTRINGARRAYs: every recorded port of an exporter is the first live one. */
  private bindings(recorded: Value | undefined, live: Value | undefined): void {
    if (!Array.isArray(recorded) || !Array.isArray(live)) return;
    const [port] = portsIn(live as readonly Value[]);
    if (port !== undefined) for (const one of portsIn(recorded as readonly Value[])) this.ports.set(one, port);
  }
}

/** Ports of the TCP bindings (tower 7) that name one ([MS-DCOM] 2.2.19.3). */
export function portsIn(bindings: readonly Value[]): readonly number[] {
  return bindings.flatMap((one) => {
    if (one === null || typeof one !== 'object' || Array.isArray(one)) return [];
    const { towerId, networkAddr } = one as Bag;
    const match = towerId === 7 && typeof networkAddr === 'string' ? /\[(\d{1,5})\]$/.exec(networkAddr) : null;
    return match === null ? [] : [Number(match[1])];
  });
}
