import { spanOf } from '../../src/bytes/block.js';
import { holdsActivation, withActivationSizes } from '../../src/dcom/activation.js';
import { withoutUnits } from '../../src/dcom/bindings.js';
import type { Registry } from '../../src/ndr/codec.js';
import { isRecord, mapFields, NO_FIELDS, type Fields } from '../../src/ndr/value.js';
import type { Value } from '../../src/types.js';
import { rewrittenRequest, rewrittenResponse, type StubForm } from '../player/stubs.js';
import {
  contextKey,
  type ContextRecord,
  type RecordedCall,
  type RecordedStub,
  type RecordingRecord,
} from '../recording/records.js';
import { REDACTION_LIMITS } from './limits.js';
import { Names, type RedactionKind } from './names.js';

interface RedactionOptions {
  readonly kinds: ReadonlySet<RedactionKind>;
  readonly registry: Registry;
  /** At least 8 bytes that stand for a text, the same for the same text (HMAC-SHA-256 with a key, say). */
  readonly digest: (text: string) => Uint8Array;
}

/** A recording without its names. */
interface Redacted {
  readonly records: readonly RecordingRecord[];
  /** Different names that were replaced. */
  readonly names: number;
  /** Stubs that were left out, as no table reads them or they could not be written anew. */
  readonly dropped: number;
}

/**
 * Replaces names by pseudonyms, in values and in the bytes of stubs alike. The same name gives the same pseudonym
 * wherever the digest is the same, so recordings compare as before.
 */
export function redact(records: readonly RecordingRecord[], options: RedactionOptions): Redacted {
  const names = new Names(options.kinds);
  for (const record of records) names.take(record);
  const redaction = new Redaction(names, options);
  const redacted = records.map((record) => redaction.record(record));
  return { records: redacted, names: redaction.replaced, dropped: redaction.dropped };
}

type Change = (value: Value) => Value | undefined;
type Stubs = Pick<RecordedCall, 'request' | 'response'>;

const NOTHING = new Uint8Array(0);

/** Replaces names record by record, once all of a recording's names were gathered. */
export class Redaction {
  /** Stubs that were left out so far. */
  dropped = 0;
  private readonly names: Names;
  private readonly options: Omit<RedactionOptions, 'kinds'>;
  private readonly pattern: RegExp | null;
  private readonly contexts = new Map<string, ContextRecord>();
  private readonly made = new Map<string, string>();

  constructor(names: Names, options: Omit<RedactionOptions, 'kinds'>) {
    this.options = options;
    this.names = names;
    const known = [...this.names.known.keys()].toSorted((one, other) => other.length - one.length);
    this.pattern = known.length === 0 ? null : new RegExp(known.map(patternOf).join('|'), 'giu');
  }

  /** Different names that are replaced. */
  get replaced(): number {
    return this.names.known.size + this.names.texts.size;
  }

  /** The record without names. */
  record(record: RecordingRecord): RecordingRecord {
    switch (record.kind) {
      case 'session':
        this.contexts.clear();
        // Files are named by people, for hosts and for people.
        return { ...record, name: null };
      case 'connection': {
        const { client, server } = record;
        return {
          ...record,
          client: { ...client, address: this.text(client.address) },
          server: { ...server, address: this.text(server.address) },
          ...(typeof record.pipe === 'string' ? { pipe: this.text(record.pipe) } : {}),
        };
      }
      case 'context':
        this.contexts.set(contextKey(record.connection, record.id), record);
        return record;
      case 'call':
        return this.call(record);
      case 'reference':
        return record;
      case 'end':
        // It names addresses, of connections without a call too: those are in no other record.
        return record.half === undefined ? record : { ...record, half: HALF };
    }
  }

  private call(call: RecordedCall): RecordedCall {
    const texts = this.names.textsOf(call);
    const change: Change = (value) => this.value(value, texts, change);
    const { exception } = call;
    const stubs = this.stubs(call, (fields) => mapFields(fields, change));
    const [given, returned] = [mapFields(call.in, change), mapFields(call.out, change)];
    const read = holdsActivation(given) || holdsActivation(returned) ? this.read(call, stubs) : null;
    return {
      ...call,
      in: read === null ? given : withActivationSizes(given, read.in),
      out: read === null ? returned : withActivationSizes(returned, read.out),
      exception:
        exception === null
          ? null
          : {
              source: exception.source === null ? null : this.text(exception.source),
              description: exception.description === null ? null : this.text(exception.description, texts),
            },
      ...stubs,
    };
  }

  /** What stubs that were written anew say. */
  private read(call: RecordedCall, { request, response }: Stubs): { readonly in: Fields; readonly out: Fields } {
    const { registry } = this.options;
    const decoded = (side: 'request' | 'response', stub: RecordedStub | null, given?: Fields): Fields => {
      const form = stub === null || stub.bytes.length === 0 ? null : this.form(call, stub);
      if (stub === null || form === null || form.opnum === null) return NO_FIELDS;
      return (
        registry.method(form.uuid, form.opnum, form.encoding)?.[side].decode(spanOf(stub.bytes), given).value ??
        NO_FIELDS
      );
    };
    const given = decoded('request', request);
    return { in: given, out: decoded('response', response, given) };
  }

  /** What a stub is of; null for one that is not written anew. */
  private form(call: RecordedCall, stub: RecordedStub): StubForm | null {
    const context = this.contexts.get(contextKey(call.connection, call.contextId));
    return context === undefined || stub.drep.ebcdic || stub.drep.float !== 'ieee' || !stub.complete
      ? null
      : {
          uuid: context.abstract.uuid,
          opnum: call.via === null ? call.opnum : call.via.opnum,
          encoding: { littleEndian: stub.drep.littleEndian, syntax: context.transfer },
        };
  }

  /** The stubs with their names replaced. */
  private stubs(call: RecordedCall, change: (fields: Fields) => Fields): Stubs {
    const { request, response } = call;
    const { registry } = this.options;
    const form = (stub: RecordedStub): StubForm | null => this.form(call, stub);
    let before: Fields | null = null;
    const asked = this.rewritten(request, (stub) => {
      const how = form(stub);
      return how === null ? null : rewrittenRequest(registry, how, stub.bytes, (fields) => change((before = fields)));
    });
    const given = before;
    const told = this.rewritten(response, (stub) => {
      const how = form(stub);
      if (how === null) return null;
      const after = given === null ? null : change(given);
      return rewrittenResponse(registry, how, stub.bytes, { request: { before: given, after }, change });
    });
    return { request: asked, response: told };
  }

  private rewritten(
    stub: RecordedStub | null,
    rewrite: (stub: RecordedStub) => Uint8Array | null,
  ): RecordedStub | null {
    if (stub === null || stub.bytes.length === 0) return stub;
    const bytes = rewrite(stub);
    if (bytes !== null && !this.tells(bytes)) return { ...stub, bytes };
    this.dropped++;
    return { ...stub, complete: false, bytes: NOTHING };
  }

  private value(value: Value, texts: ReadonlySet<string>, change: Change): Value | undefined {
    if (typeof value === 'string') return this.text(value, texts);
    if (value instanceof Uint8Array) return this.tells(value) ? NOTHING : undefined;
    if (Array.isArray(value)) return this.tellsInUnits(value) ? [] : undefined;
    // The units beside bindings are those before redaction: the bindings are written anew.
    const bindings = isRecord(value) ? withoutUnits(value) : null;
    return bindings === null ? undefined : mapFields(bindings, change);
  }

  /** Whether code units or bytes that are shown as a list of numbers hold a name. */
  private tellsInUnits(list: readonly Value[]): boolean {
    if (
      list.length < REDACTION_LIMITS.short ||
      !list.every((one) => typeof one === 'number' && one >= 0 && one <= 0xffff)
    )
      return false;
    return this.tellsText(list.map((unit) => String.fromCharCode(unit as number)).join(''));
  }

  private text(text: string, texts?: ReadonlySet<string>): string {
    if (texts?.has(text) === true || (text.length >= REDACTION_LIMITS.text && this.names.texts.has(text)))
      return this.pseudonym(text, 'titles');
    if (this.pattern === null) return text;
    return text.replace(this.pattern, (name) => {
      const key = name.toLowerCase();
      return this.pseudonym(key, this.names.known.get(key) ?? 'hosts');
    });
  }

  private pseudonym(name: string, kind: RedactionKind): string {
    const key = `${kind} ${name}`;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const made = pseudonymOf(name, kind, this.options.digest(key));
    this.made.set(key, made);
    return made;
  }

  /** Whether bytes hold a user or a host, as UTF-8 or as UTF-16 of either order. */
  private tells(bytes: Uint8Array): boolean {
    return this.tellsText(byteText(bytes));
  }

  private tellsText(text: string): boolean {
    const lower = text.toLowerCase();
    const spread = lower.replaceAll('\0', '');
    for (const name of this.names.known.keys())
      if (
        name.length >= REDACTION_LIMITS.short &&
        (lower.includes(byteText(UTF8.encode(name))) || spread.includes(name))
      )
        return true;
    return false;
  }
}

const UTF8 = new TextEncoder();

function byteText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return text;
}

/** Arguments a function takes without a doubt. */
const CHUNK = 8192;

function patternOf(name: string): string {
  const source = name.replace(/[\\^$.|?*+()[\]{}/]/g, '\\$&');
  return name.length < REDACTION_LIMITS.short ? `(?<![\\p{L}\\p{N}])${source}(?![\\p{L}\\p{N}])` : source;
}

const HALF = 'one direction of the conversation was not captured';

/** Of the form of what it stands for: an address for an address (240.0.0.0/4 and 2001:db8::/32 are nobody's). */
function pseudonymOf(name: string, kind: RedactionKind, digest: Uint8Array): string {
  const [a = 0, b = 0, c = 0, d = 0] = digest;
  const hex = [...digest.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (kind === 'titles') return `Text ${hex}`;
  if (kind === 'users') return `user-${hex}`;
  if (/^\d+(\.\d+){3}$/.test(name)) return `${240 + (a & 15)}.${b}.${c}.${d}`;
  if (name.includes(':')) return `2001:db8::${hex.slice(0, 4)}:${hex.slice(4, 8)}:${hex.slice(8)}`;
  return `host-${hex}`;
}
