import { GUID_NULL } from '../../src/bytes/guid.js';
import { placeIn, tcpIn, type BoundPlace } from '../../src/dcom/bindings.js';
import { MAX_VALUE_DEPTH } from '../../src/ndr/limits.js';
import { asList, isRecord, mapFields, mapValue, type Fields } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';
import { isContextHandle, isIdentifier } from '../../src/dcom/identifiers.js';

/**
 * Identifiers and ports of a recording, and what they are on the live server: told by the places where they were handed
 * out.
 */
export class Mapping {
  private readonly ids = new Map<string, string>();
  private readonly back = new Map<string, string>();
  private readonly ports = new Map<number, BoundPlace>();
  private readonly causalities = new Map<string, string>();
  private readonly guid: () => string;
  private readonly host: string;

  /** @param host the live server's, as it was dialled */
  constructor(guid: () => string, host: string) {
    this.guid = guid;
    this.host = host;
  }

  /** The live identifier, or null while the server handed none out at its place. */
  live(id: string): string | null {
    return this.ids.get(id) ?? null;
  }

  /** The recorded identifier of a live one; the live one where it has none. */
  recorded(id: string): string {
    return this.back.get(id) ?? id;
  }

  /** A recorded identifier is one of the live server that was handed out elsewhere. */
  adopt(recorded: string, live: string): void {
    this.pair(recorded, live);
  }

  /** Where the live server says that what listened at a recorded port is. */
  place(recorded: number): BoundPlace | null {
    return this.ports.get(recorded) ?? null;
  }

  /** Takes note of what stands where in the recorded answer and in the live one. */
  learn(recorded: Value, live: Value, name = '', depth = 0): void {
    if (depth > MAX_VALUE_DEPTH) return;
    if (typeof recorded === 'string') {
      if (isIdentifier(recorded, name) && isIdentifier(live, name)) this.pair(recorded, live);
    } else if (Array.isArray(recorded)) {
      const others = asList(live);
      for (const [at, one] of asList(recorded).entries()) {
        const other = others[at];
        if (other !== undefined) this.learn(one, other, name, depth + 1);
      }
    } else if (isRecord(recorded) && isRecord(live)) this.learnFields(recorded, live, depth);
  }

  private learnFields(recorded: Fields, live: Fields, depth: number): void {
    if (isContextHandle(recorded) && isContextHandle(live)) this.pair(String(recorded['uuid']), String(live['uuid']));
    this.bindings(recorded['stringBindings'], live['stringBindings']);
    for (const field in recorded) {
      const other = live[field];
      if (other !== undefined && !APART.includes(field)) this.learn(recorded[field] as Value, other, field, depth + 1);
    }
  }

  /** A value with its identifiers as the live server knows them. */
  translate(value: Value): Value {
    return mapValue(value, (one, name) => this.translated(one, name));
  }

  /** The same of parameters. */
  translateFields(fields: Fields): Fields {
    return mapFields(fields, (one, name) => this.translated(one, name));
  }

  /** A causality of its own for every recorded one. */
  causality(recorded: string): string {
    const known = this.causalities.get(recorded);
    if (known !== undefined) return known;
    const made = this.guid();
    this.causalities.set(recorded, made);
    return made;
  }

  private translated(value: Value, name: string): Value | undefined {
    if (isContextHandle(value)) return { ...value, uuid: this.ids.get(String(value['uuid'])) ?? value['uuid'] ?? null };
    if (typeof value !== 'string') return undefined;
    if (name === 'cid') return this.causality(value);
    return isIdentifier(value, name) ? (this.ids.get(value) ?? value) : value;
  }

  private pair(recorded: string, live: string): void {
    if (this.ids.has(recorded) || recorded === GUID_NULL || live === GUID_NULL) return;
    this.ids.set(recorded, live);
    this.back.set(live, recorded);
  }

  /** Every recorded port of an exporter is the live one. */
  private bindings(recorded: Value | undefined, live: Value | undefined): void {
    const place = placeIn(tcpIn(live), this.host);
    if (place === null) return;
    for (const { port } of tcpIn(recorded)) if (port !== null) this.ports.set(port, place);
  }
}

/** Fields that are learnt apart, or are the same everywhere. */
const APART: readonly string[] = ['stringBindings', 'iid', 'cid'];
