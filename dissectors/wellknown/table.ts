/** An interface of a public protocol: facts of its IDL. */
export interface WellKnownInterface {
  readonly uuid: string;
  /** `1.0`; null for an interface of DCOM. */
  readonly version: string | null;
  readonly name: string;
  /** Name of the interface it derives from, or null. */
  readonly base: string | null;
  /** Name of the specification, e.g. `MS-SAMR`. */
  readonly spec: string;
  /** Its own methods, in the order of their slots. */
  readonly methods: readonly string[];
}

/** A class that DCOM traffic carries. */
export interface WellKnownClass {
  readonly clsid: string;
  readonly name: string;
  /** `MMC20.Application.1`, or null. */
  readonly progId: string | null;
  readonly spec: string;
}

/** What is known of a UUID without a table that could decode it. */
interface WellKnown {
  readonly interfaces: readonly WellKnownInterface[];
  readonly classes: readonly WellKnownClass[];
}

/** Slots of IUnknown and IDispatch, from which interfaces of DCOM derive ([MS-DCOM] 3.1.1.5.6, [MS-OAUT] 3.1.4). */
const ROOTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['IUnknown', ['QueryInterface', 'AddRef', 'Release']],
  ['IDispatch', ['QueryInterface', 'AddRef', 'Release', 'GetTypeInfoCount', 'GetTypeInfo', 'GetIDsOfNames', 'Invoke']],
]);
/** A method that its specification keeps off the wire: `!` for `Opnum12NotUsedOnWire` at opnum 12. */
const UNUSED = '!';
/** Interfaces from which one derives, one after another. */
const MAX_BASES = 16;

/** Look-ups in the table of what is well known. */
export class WellKnownTable {
  readonly interfaces: readonly WellKnownInterface[];
  readonly classes: readonly WellKnownClass[];
  private readonly byUuid = new Map<string, WellKnownInterface>();
  private readonly byName = new Map<string, WellKnownInterface>();
  private readonly byClsid = new Map<string, WellKnownClass>();
  private readonly opnums = new Map<string, readonly string[]>();

  constructor({ interfaces, classes }: WellKnown) {
    this.interfaces = interfaces;
    this.classes = classes;
    for (const one of interfaces) {
      this.byUuid.set(one.uuid, one);
      if (!this.byName.has(one.name)) this.byName.set(one.name, one);
    }
    for (const one of classes) if (!this.byClsid.has(one.clsid)) this.byClsid.set(one.clsid, one);
  }

  interface(uuid: string): WellKnownInterface | null {
    return this.byUuid.get(uuid) ?? null;
  }

  class(clsid: string): WellKnownClass | null {
    return this.byClsid.get(clsid) ?? null;
  }

  /** Name of a method by its number on the wire, or null. */
  method(uuid: string, opnum: number): string | null {
    return this.methods(uuid)[opnum] ?? null;
  }

  /** Methods by opnum, those of what it derives from first. */
  methods(uuid: string): readonly string[] {
    let list = this.opnums.get(uuid);
    if (list === undefined) {
      const found = this.byUuid.get(uuid);
      list = found === undefined ? [] : [...this.inherited(found.base, MAX_BASES), ...found.methods];
      this.opnums.set(uuid, list);
    }
    return list;
  }

  private inherited(base: string | null, depth: number): readonly string[] {
    if (base === null || depth === 0) return [];
    const root = ROOTS.get(base);
    if (root !== undefined) return root;
    const found = this.byName.get(base);
    return found === undefined ? [] : [...this.inherited(found.base, depth - 1), ...found.methods];
  }
}

/**
 * The table as text: a line for each, fields parted by tabs. `I uuid version name base spec methods` (methods parted by
 * commas) and `C clsid name progId spec`; `-` stands for what is not there.
 */
export function writeWellKnown({ interfaces, classes }: WellKnown): string {
  const lines = [
    ...interfaces.map(({ uuid, version, name, base, spec, methods }) =>
      ['I', uuid, shown(version), name, shown(base), spec, methods.map(short).join(',')].join('\t'),
    ),
    ...classes.map(({ clsid, name, progId, spec }) => ['C', clsid, name, shown(progId), spec].join('\t')),
  ];
  return `${lines.join('\n')}\n`;
}

function short(name: string): string {
  return /^Opnum\d+(?:NotUsedOnWire|NotUsedByRemote|NotUsed)$/i.test(name) ? UNUSED : name;
}

/** Reads {@link writeWellKnown}'s text. */
export function readWellKnown(text: string): WellKnown {
  const interfaces: WellKnownInterface[] = [];
  const classes: WellKnownClass[] = [];
  for (const line of text.split('\n')) {
    const [kind, id = '', ...rest] = line.split('\t');
    if (kind === 'I') {
      const [version, name = '', base, spec = '', methods = ''] = rest;
      const list = methods === '' ? [] : methods.split(',');
      interfaces.push({
        uuid: id,
        version: field(version),
        name,
        base: field(base),
        spec,
        methods: list.map((one) => (one === UNUSED ? '(not used on the wire)' : one)),
      });
    } else if (kind === 'C') {
      const [name = '', progId, spec = ''] = rest;
      classes.push({ clsid: id, name, progId: field(progId), spec });
    }
  }
  return { interfaces, classes };
}

/** What stands for a field that is not there. */
const NOTHING = '-';

function shown(text: string | null): string {
  return text ?? NOTHING;
}

function field(value: string | undefined): string | null {
  return value === undefined || value === NOTHING ? null : value;
}
