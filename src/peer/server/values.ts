import { GUID_NULL } from '../../bytes/guid.js';
import { HEX64_NULL } from '../../bytes/hex.js';
import { publicReferences } from '../../dcom/references.js';
import type { Registry } from '../../ndr/codec.js';
import type { Type, WellKnownType } from '../../ndr/types.js';
import { isRecord, mapValue, MAX_VALUE_DEPTH, newRecord, type Fields } from '../../ndr/value.js';
import type { Value } from '../../types.js';
import { isEnumerator, isServed, type Arguments, type ServedObject, type ServedValue } from './dispatch.js';
import { enumerate } from './enumerator.js';
import { NO_EXCEPTION } from './exception.js';
import type { References } from './references.js';

/** Arguments and results between what the wire has and what members take and give. */

/** What a client gave, with references to our own objects resolved. */
export function argumentsOf(value: Fields, references: References): Arguments {
  const made: { [name: string]: ServedValue } = newRecord() as { [name: string]: ServedValue };
  for (const name in value) made[name] = resolved(value[name] as Value, references);
  return made;
}

function resolved(item: Value, references: References): ServedValue {
  // A list of variants, as Invoke has them.
  if (Array.isArray(item)) return item.map((one) => inside(one as Value, references)) as unknown as Value;
  if (!isRecord(item)) return item;
  const { rgvarg } = item;
  if (Array.isArray(rgvarg))
    return { ...item, rgvarg: rgvarg.map((one) => inside(one as Value, references)) } as unknown as Value;
  return inside(item, references);
}

function inside(item: Value, references: References, depth = 0): ServedValue {
  if (!isRecord(item) || depth > MAX_VALUE_DEPTH) return item;
  const { ipid, oxid, value } = item;
  if (typeof ipid === 'string' && typeof oxid === 'string') {
    const object = references.table.find(ipid)?.exported.object ?? null;
    // The references that came with it are the client's no more (3.1.1.5.3).
    references.table.take(ipid, publicReferences(item));
    return object;
  }
  if ('vt' in item && typeof value === 'object' && value !== null)
    return { ...item, value: inside(value, references, depth + 1) } as unknown as Value;
  return item;
}

/** What turns results into what their types have on the wire. */
export class Results {
  private readonly registry: Registry;
  private readonly references: References;

  constructor(registry: Registry, references: References) {
    this.registry = registry;
    this.references = references;
  }

  /** A result as its type has it; what a call does not give is blank. Objects become references of `owner`. */
  wire(value: ServedValue | undefined, type: Type, request: Fields, owner: string): Value {
    if (isEnumerator(value)) return this.wire(enumerate(value), type, request, owner);
    if (isServed(value)) return this.references.result(value, declaredIn(type), request['riid'], owner);
    return value === undefined ? this.blank(type) : this.inside(value, owner);
  }

  /** Objects inside VARIANTs and arrays become references. */
  private inside(value: ServedValue, owner: string): Value {
    return mapValue(value as Value, (one: ServedValue) => {
      const object = objectIn(one);
      if (object !== null) return this.references.result(object, null, undefined, owner);
      if (!isRecord(one as Value) || (one as Fields)['vt'] !== 'VT_UNKNOWN') return undefined;
      // A VARIANT that says it is an IUnknown holds just that.
      const held = objectIn((one as Fields)['value']);
      return held === null
        ? undefined
        : { vt: 'VT_UNKNOWN', value: this.references.result(held, 'IUnknown', undefined, owner) };
    });
  }

  /** What a result is when a call gives none: null, zero, or nothing in each field. */
  private blank(type: Type): Value {
    switch (type.kind) {
      case 'pointer':
        return type.pointer === 'ref' ? this.blank(type.to) : null;
      case 'base':
        return type.base === 'u64' || type.base === 'i64' ? 0n : 0;
      case 'enum':
        return Object.values(type.members)[0] ?? 0;
      case 'flags':
        return 0;
      case 'array':
        return type.of.kind === 'base' && type.of.base === 'u8' ? new Uint8Array(0) : [];
      case 'well-known':
        return BLANK[type.name];
      case 'struct':
        return Object.fromEntries(type.fields.map((field) => [field.name, this.blank(field.type)]));
      case 'named':
        return this.blankNamed(type.name);
      default:
        return null;
    }
  }

  private blankNamed(name: string): Value {
    if (name === 'VARIANT') return { vt: 'VT_EMPTY', value: null };
    if (name === 'EXCEPINFO') return NO_EXCEPTION;
    const type = this.registry.specifications.flatMap((one) => one.types).find((one) => one.name === name);
    return type === undefined ? null : this.blank(type.kind === 'typedef' ? type.type : type);
  }
}

const BLANK: Readonly<Record<WellKnownType['name'], Value>> = {
  guid: GUID_NULL,
  hresult: 0,
  error_status: 0,
  bstr: null,
  variant_bool: false,
  date: '1899-12-30T00:00:00',
  currency: '0',
  decimal: '0',
  filetime: 0,
  hex64: HEX64_NULL,
  context_handle: 0,
};

/** The object that a value is, or that an enumerator gives. */
function objectIn(value: ServedValue | undefined): ServedObject | null {
  if (isEnumerator(value)) return enumerate(value);
  return isServed(value) ? value : null;
}

/** The interface that a result is declared to be, or null. */
function declaredIn(type: Type): string | null {
  if (type.kind === 'interface') return type.interface;
  return type.kind === 'pointer' && type.to.kind === 'interface' ? type.to.interface : null;
}
