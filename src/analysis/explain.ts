import { DISPID } from '../ndr/automation.js';
import { hex32 } from '../bytes/hex.js';
import type { ErrorName, Interface, Method, Specification } from '../ndr/types.js';
import { hresultParts, looksLikeNtstatus, type HresultParts } from './hresult.js';

/** What is known of a number, a name or a GUID: plain facts, to be laid out by whoever shows them. */
export type Explanation =
  | {
      readonly kind: 'code';
      readonly value: number;
      readonly name: string | null;
      readonly spec: string | null;
      readonly meaning: string | null;
      readonly cause: string | null;
      /** Parts of an HRESULT; null for a Win32 code, an nca status and an NTSTATUS. */
      readonly hresult: HresultParts | null;
      /** The code inside HRESULT_FROM_WIN32 or HRESULT_FROM_NT, or null. */
      readonly wraps: { readonly value: number; readonly name: string | null } | null;
      /** Other names of the same value. */
      readonly aliases: readonly string[];
    }
  | {
      readonly kind: 'reason';
      readonly value: number;
      readonly name: string;
      readonly spec: string;
      readonly meaning: string | null;
      readonly cause: string | null;
    }
  | {
      readonly kind: 'dispid';
      readonly value: number;
      readonly name: string | null;
      readonly members: readonly string[];
    }
  | {
      readonly kind: 'interface';
      readonly uuid: string;
      readonly name: string;
      readonly spec: string;
      readonly section: string | null;
      readonly base: string | null;
      readonly methods: number;
      readonly erratum: string | null;
    }
  | {
      readonly kind: 'member';
      /** `IUpdateSearcher::Search` */
      readonly name: string;
      readonly spec: string;
      readonly section: string | null;
      readonly opnum: number;
      readonly printedOpnum: number | null;
      readonly dispid: number | null;
      readonly member: string;
      readonly parameters: readonly string[] | null;
      /** Of a member that is kept off the wire: what it is for, and what a remote caller gets. */
      readonly offWire: readonly string[];
    }
  | {
      readonly kind: 'enum-value';
      readonly name: string;
      readonly value: number;
      readonly type: string;
      readonly spec: string;
    }
  | {
      readonly kind: 'well-known';
      readonly uuid: string;
      readonly version: string | null;
      readonly name: string;
      readonly spec: string;
      readonly base: string | null;
      /** Methods by opnum. */
      readonly methods: readonly string[];
    }
  | {
      readonly kind: 'class';
      readonly progId?: string | null;
      readonly clsid: string;
      readonly name: string;
      readonly spec: string;
      readonly interface: string | null;
    };

/** DISPIDs that mean the same everywhere ([MS-OAUT] 2.2.32.1). */
const DISPIDS: ReadonlyMap<number, string> = new Map(
  Object.entries(DISPID).flatMap(([name, value]) => (value === DISPID.DISPID_VALUE ? [] : [[value, name] as const])),
);

/** Longest text that is compared with every known code and GUID. */
const MAX_COMPARED = 64;

/**
 * Look-ups by value and by name, made once over all tables. `reasons` are known by name only: their numbers mean other
 * things elsewhere.
 */
export class Explainer {
  /** HRESULTs, nca statuses and NTSTATUS values. */
  private readonly byValue = new Map<number, ErrorName>();
  private readonly win32 = new Map<number, ErrorName>();
  private readonly byName = new Map<string, ErrorName>();
  /** Names of HRESULTs, those that wrap a Win32 code or an NTSTATUS included. */
  private readonly hresultNames = new Map<number, string>();
  private readonly specifications: readonly Specification[];
  private readonly reasons: readonly ErrorName[];
  private readonly aliasNames = new Map<number, string[]>();
  private readonly wellKnown: (() => WellKnownLookup) | null;
  /** Made when the first is asked for. */
  private byUuid: Map<string, string> | null = null;

  constructor(
    specifications: readonly Specification[],
    win32: readonly ErrorName[],
    reasons: readonly ErrorName[] = [],
    wellKnown: (() => WellKnownLookup) | null = null,
  ) {
    this.wellKnown = wellKnown;
    this.specifications = specifications;
    this.reasons = reasons;
    for (const error of specifications.flatMap((specification) => specification.errors)) {
      if (this.byValue.has(error.value))
        this.aliasNames.set(error.value, [...(this.aliasNames.get(error.value) ?? []), error.name]);
      else this.byValue.set(error.value, error);
      addName(this.byName, error);
    }
    for (const error of win32) {
      if (!this.win32.has(error.value)) this.win32.set(error.value, error);
      addName(this.byName, error);
    }
    for (const error of this.win32.values())
      if (error.value > 0 && error.value < 0x10000)
        this.hresultNames.set((0x8007_0000 | error.value) >>> 0, `HRESULT_FROM_WIN32(${error.name})`);
    for (const error of this.byValue.values())
      if (looksLikeNtstatus(error.value))
        this.hresultNames.set((0x1000_0000 | error.value) >>> 0, `HRESULT_FROM_NT(${error.name})`);
    for (const error of this.byValue.values()) this.hresultNames.set(error.value, error.name);
  }

  /** Name of an HRESULT: its own, or HRESULT_FROM_WIN32 or HRESULT_FROM_NT of what it wraps. One look-up. */
  hresult(value: number): string | null {
    return this.hresultNames.get(value >>> 0) ?? null;
  }

  /** Name of an interface or class by its UUID, from the tables or what is well known; null for one that has none. */
  uuid(uuid: string): string | null {
    if (this.byUuid === null) {
      this.byUuid = new Map();
      for (const { interfaces, classes } of this.specifications) {
        for (const one of interfaces) this.byUuid.set(one.uuid, one.name);
        for (const one of classes) this.byUuid.set(one.clsid, one.name);
      }
    }
    const known = this.byUuid.get(uuid);
    if (known !== undefined) return known;
    const table = this.wellKnown?.() ?? null;
    return (
      table?.interfaces.find((one) => one.uuid === uuid)?.name ??
      table?.classes.find((one) => one.clsid === uuid)?.name ??
      null
    );
  }

  /** Names of the bits of a parameter, `Interface::Method.parameter`; null where it holds no flags, or others. */
  flags(parameter: string, value: number): string | null {
    const specification = this.specifications.find((one) => one.flagParameters?.[parameter] !== undefined);
    const name = specification?.flagParameters?.[parameter];
    const type = specification?.types.find((one) => one.name === name);
    if (type?.kind !== 'enum') return null;
    const set = Object.entries(type.members).filter(([, bit]) => bit !== 0 && (value & bit) === bit);
    const whole = set.reduce((sum, [, bit]) => sum | bit, 0);
    return set.length === 0 || whole !== value ? null : set.map(([member]) => member).join('|');
  }

  /** Name of the status of a fault PDU: Win32 code, nca status, NTSTATUS or HRESULT. */
  status(value: number): string | null {
    return this.win32.get(value >>> 0)?.name ?? this.hresult(value);
  }

  /**
   * What `text` is: a code in hex or decimal (negative too), an error's name, a DISPID, an IID, RPC interface UUID or
   * CLSID, the name of an interface or class. Empty when nothing is known.
   */
  explain(text: string): readonly Explanation[] {
    const wanted = text
      .trim()
      .replace(/^\{|\}$/g, '')
      .toLowerCase();
    const found = this.identifiers(wanted);
    if (found.length > 0) return found;
    const members = this.members(wanted);
    if (members.length > 0) return members;
    const reasons = this.reasons
      .filter((reason) => reason.name.toLowerCase() === wanted)
      .map(
        (reason): Explanation => ({
          kind: 'reason',
          value: reason.value,
          name: reason.name,
          spec: reason.spec,
          meaning: reason.meaning,
          cause: reason.cause,
        }),
      );
    if (reasons.length > 0) return reasons;
    const named = this.byName.get(plainName(wanted)) ?? this.byName.get(wrapped(wanted));
    if (named !== undefined) return [wrapped(wanted) === '' ? this.code(named) : this.number(hresultFrom(named.value))];
    const values = numbersIn(wanted);
    const value = values.find((candidate) => this.status(candidate) !== null) ?? values[0];
    if (value !== undefined) return this.numbers(value);
    return this.beyond(wanted);
  }

  /** Codes and GUIDs a digit or two away from a misspelt one, and names that contain the text; at most five. */
  suggestions(text: string): readonly string[] {
    const wanted = text
      .trim()
      .replace(/^\{|\}$/g, '')
      .toLowerCase();
    if (wanted.length < 4 || wanted.length > MAX_COMPARED) return [];
    if (/^[0-9a-fx-]{30,}$/.test(wanted))
      return this.guids()
        .filter((known) => apart(known.guid, wanted) <= 3)
        .slice(0, 5)
        .map((known) => `${known.guid} (${known.name})`);
    if (/^(0x)?[0-9a-z]{6,10}$/.test(wanted) && /\d.*\d.*\d/.test(wanted)) {
      const digits = wanted.replace(/^0x/, '');
      return [...this.byValue.values()]
        .filter((error) => isOneApart(hex32(error.value).slice(2), digits))
        .slice(0, 5)
        .map((error) => `${hex32(error.value)} (${error.name})`);
    }
    return [...this.byName.values()]
      .filter((error) => error.name.toLowerCase().includes(wanted))
      .slice(0, 5)
      .map((error) => error.name);
  }

  private identifiers(wanted: string): Explanation[] {
    const found: Explanation[] = [];
    const bare = wanted.replace(/^(iid|clsid)_/, '');
    for (const specification of this.specifications) {
      for (const declaration of specification.interfaces) {
        if (declaration.uuid !== wanted && declaration.name.toLowerCase() !== bare) continue;
        found.push({
          kind: 'interface',
          uuid: declaration.uuid,
          name: declaration.name,
          spec: declaration.spec,
          section: declaration.section,
          base: declaration.base,
          methods: declaration.methods.length,
          erratum: declaration.erratum ?? null,
        });
      }
      for (const known of specification.classes) {
        if (known.clsid === wanted || known.name.toLowerCase() === bare)
          found.push({
            kind: 'class',
            clsid: known.clsid,
            name: known.name,
            spec: known.spec,
            interface: known.interface,
            progId: this.wellKnown?.().classes.find((one) => one.clsid === known.clsid)?.progId ?? null,
          });
      }
    }
    return found;
  }

  /** Members by `Interface::Member`, `Interface.Member` or their bare name, and values of enumerations. */
  private members(wanted: string): readonly Explanation[] {
    const [, owner = null, member = wanted] = /^(\w+)(?:::|\.)(\w+)$/.exec(wanted) ?? [];
    const name = member.replace(/^(get|put|putref)_/, '');
    const found: Explanation[] = [];
    for (const specification of this.specifications) {
      for (const one of specification.interfaces) {
        if (owner !== null && one.name.toLowerCase() !== owner) continue;
        for (const method of one.methods)
          if (method.name.toLowerCase() === name && found.length < MAX_MEMBERS)
            found.push(memberOf(one, method, specification));
      }
      if (owner === null) found.push(...enumValues(specification, wanted));
    }
    return found;
  }

  /** What only the table of well-known interfaces and classes has: it is read when nothing else is known. */
  private beyond(wanted: string): readonly Explanation[] {
    const table = this.wellKnown?.() ?? null;
    if (table === null) return [];
    const bare = wanted.replace(/^(iid|clsid)_/, '');
    const interfaces = table.interfaces.filter((one) => one.uuid === wanted || one.name.toLowerCase() === bare);
    const classes = table.classes.filter(
      (one) =>
        one.clsid === wanted ||
        one.name.toLowerCase() === bare ||
        (one.progId !== null &&
          [one.progId, one.progId.replace(/\.\d+$/, '')].some((id) => id.toLowerCase() === wanted)),
    );
    return [
      ...interfaces.map(
        (one): Explanation => ({
          kind: 'well-known',
          uuid: one.uuid,
          version: one.version,
          name: one.name,
          spec: one.spec,
          base: one.base,
          methods: table.methods(one.uuid),
        }),
      ),
      ...classes.map(
        (one): Explanation => ({
          kind: 'class',
          clsid: one.clsid,
          name: one.name,
          spec: one.spec,
          interface: null,
          progId: one.progId,
        }),
      ),
    ];
  }

  private guids(): readonly { readonly guid: string; readonly name: string }[] {
    return this.specifications.flatMap((one) => [
      ...one.interfaces.map((declaration) => ({ guid: declaration.uuid, name: declaration.name })),
      ...one.classes.map((known) => ({ guid: known.clsid, name: `CLSID_${known.name}` })),
    ]);
  }

  /** Everything a number may be: small ones are Win32 codes first, but 0 and 1 are HRESULTs first. */
  private numbers(value: number): readonly Explanation[] {
    const own = this.byValue.get(value);
    const plain = this.win32.get(value);
    const codes = [...(own === undefined ? [] : [this.code(own)]), ...(plain === undefined ? [] : [this.code(plain)])];
    const dispid = this.dispid(value | 0);
    const all = dispid === null ? codes : [...codes, dispid];
    return all.length > 0 ? all : [this.number(value)];
  }

  private dispid(value: number): Explanation | null {
    const name = DISPIDS.get(value) ?? null;
    // Members the compiler of a type library numbers stand at 0x60000000 and above.
    if (name === null && (value & 0xfff0_0000) !== 0x6000_0000) return null;
    const members = new Set<string>();
    for (const declaration of this.specifications.flatMap((one) => one.interfaces)) {
      for (const method of declaration.methods)
        if (method.dispid === value) members.add(`${declaration.name}::${method.name}`);
    }
    return name === null && members.size === 0 ? null : { kind: 'dispid', value, name, members: [...members] };
  }

  private code(known: ErrorName): Explanation {
    const isHresult =
      this.byValue.get(known.value) !== undefined &&
      this.win32.get(known.value) !== known &&
      known.value >>> 24 !== 0x1c &&
      !looksLikeNtstatus(known.value);
    return {
      kind: 'code',
      value: known.value,
      name: known.name,
      spec: known.spec,
      meaning: known.meaning,
      cause: known.cause,
      hresult: isHresult ? hresultParts(known.value) : null,
      wraps: isHresult ? this.inside(known.value) : null,
      aliases: isHresult
        ? (this.aliasNames.get(known.value) ?? [])
            .concat(this.byValue.get(known.value)?.name ?? [])
            .filter((name) => name !== known.name)
        : [],
    };
  }

  /** A value without a name of its own: taken apart. */
  private number(value: number): Explanation {
    const own = this.byValue.get(value);
    if (own !== undefined) return this.code(own);
    const wraps = this.inside(value);
    const table = wraps !== null && wraps.value < 0x10000 ? this.win32 : this.byValue;
    const inner = wraps === null ? undefined : table.get(wraps.value);
    return {
      kind: 'code',
      value,
      name: this.hresult(value),
      spec: inner?.spec ?? null,
      meaning: inner?.meaning ?? null,
      cause: inner?.cause ?? null,
      hresult: value < 0x10000 || value >>> 24 === 0x1c || looksLikeNtstatus(value) ? null : hresultParts(value),
      wraps,
      aliases: [],
    };
  }

  private inside(value: number): { readonly value: number; readonly name: string | null } | null {
    if (value >>> 16 === 0x8007) return { value: value & 0xffff, name: this.win32.get(value & 0xffff)?.name ?? null };
    if ((value & 0x5000_0000) !== 0x5000_0000) return null;
    const status = (value & ~0x1000_0000) >>> 0;
    return { value: status, name: this.byValue.get(status)?.name ?? null };
  }
}

function addName(names: Map<string, ErrorName>, error: ErrorName): void {
  const key = plainName(error.name.toLowerCase());
  if (!names.has(key)) names.set(key, error);
}

/** nca statuses are written both with and without `_s_`. */
function plainName(name: string): string {
  return name.startsWith('nca_s_') ? 'nca_' + name.slice(6) : name;
}

/** The name inside HRESULT_FROM_WIN32(…) or HRESULT_FROM_NT(…), in lower case; empty when it is none. */
function wrapped(name: string): string {
  return /^hresult_from_(?:win32|nt)\((\w+)\)$/.exec(name)?.[1] ?? '';
}

/** What HRESULT_FROM_WIN32 and HRESULT_FROM_NT make of a code ([MS-ERREF] 2.1.2). */
function hresultFrom(value: number): number {
  if (looksLikeNtstatus(value)) return (value | 0x1000_0000) >>> 0;
  return value > 0 && value < 0x8000_0000 ? ((value & 0xffff) | 0x8007_0000) >>> 0 : value;
}

/** The 32-bit numbers a text may be, likelier first: eight digits without 0x may be hex or decimal. */
function numbersIn(text: string): readonly number[] {
  const candidates: number[] = [];
  if (/^0x[0-9a-f]{1,8}l?$/.test(text)) candidates.push(Number.parseInt(text.slice(2), 16));
  if (/^[0-9a-f]{8}$/.test(text)) candidates.push(Number.parseInt(text, 16));
  if (/^-?\d{1,10}$/.test(text)) candidates.push(Number(text));
  return candidates.filter((value) => value >= -0x8000_0000 && value <= 0xffff_ffff).map((value) => value >>> 0);
}

/** How many characters differ; infinite when the lengths do. */
function apart(a: string, b: string): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let count = 0;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}

/** True when one character changed, added or left out makes `b` of `a`. */
function isOneApart(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return a.slice(i + (a.length >= b.length ? 1 : 0)) === b.slice(i + (b.length >= a.length ? 1 : 0));
}

/** Most members shown for one DISPID. */
const MAX_MEMBERS = 40;

/** What {@link Explainer} asks of the table of well-known names. */
interface WellKnownLookup {
  readonly interfaces: readonly {
    readonly uuid: string;
    readonly version: string | null;
    readonly name: string;
    readonly spec: string;
    readonly base: string | null;
  }[];
  readonly classes: readonly {
    readonly clsid: string;
    readonly name: string;
    readonly progId: string | null;
    readonly spec: string;
  }[];
  methods(uuid: string): readonly string[];
}

function memberOf(of: Interface, method: Method, { localMembers }: Specification): Explanation {
  const local = localMembers?.[`${of.name}::${method.name}`];
  return {
    kind: 'member',
    name: `${of.name}${method.member === 'method' ? '::' : '.'}${method.name}`,
    spec: of.spec,
    section: method.section,
    opnum: method.opnum,
    printedOpnum: method.printedOpnum,
    dispid: method.dispid,
    member: method.member,
    parameters: method.params?.map((param) => `${param.direction} ${param.name}`) ?? null,
    offWire:
      method.notUsedOnWire === true
        ? [
            ...(local === undefined ? [] : [`on its own machine it ${local.purpose}; returns ${local.returns}`]),
            'kept off the wire: a client must not send it, and a remote caller gets a fault or E_NOTIMPL',
          ]
        : [],
  };
}

function enumValues({ types, name: spec }: Specification, wanted: string): readonly Explanation[] {
  return types.flatMap((type) =>
    type.kind !== 'enum'
      ? []
      : Object.entries(type.members)
          .filter(([name]) => name.toLowerCase() === wanted)
          .map(([name, value]): Explanation => ({ kind: 'enum-value', name, value, type: type.name, spec })),
  );
}

function interfaceLines(found: Explanation & { readonly kind: 'interface' }): readonly string[] {
  const section = found.section === null ? '' : ` ${found.section}`;
  const base = found.base === null ? '' : `, derives from ${found.base}`;
  return [
    `${found.name} {${found.uuid}}`,
    `  interface of ${source(found.spec)}${section}${base}, ${found.methods} methods of its own`,
    ...(found.erratum === null ? [] : [`  erratum: ${found.erratum}`]),
  ];
}

function dispidLines({ value, name, members }: Explanation & { readonly kind: 'dispid' }): readonly string[] {
  const shown = members.length === 0 ? 'no member of the tables' : members.slice(0, MAX_MEMBERS).join(', ');
  const more = members.length > MAX_MEMBERS ? ` and ${members.length - MAX_MEMBERS} more` : '';
  return [
    `${value < 0 ? value : hex32(value)} ${name ?? 'DISPID'}`,
    `  a DISPID means something only within an interface: ${shown}${more}`,
  ];
}

/** An explanation as lines for people. */
export function explanationLines(found: Explanation): readonly string[] {
  switch (found.kind) {
    case 'interface':
      return interfaceLines(found);
    case 'member':
      return memberLines(found);
    case 'enum-value':
      return [`${found.name} = ${found.value}`, `  value of ${found.type}, ${source(found.spec)}`];
    case 'well-known':
      return wellKnownLines(found);
    case 'class':
      return [
        `CLSID_${found.name} {${found.clsid}}`,
        `  class of ${source(found.spec)}${found.interface === null ? '' : `, default interface ${found.interface}`}${found.progId == null ? '' : `, ProgID ${found.progId}`}`,
      ];
    case 'dispid':
      return dispidLines(found);
    case 'reason':
      return [`${found.value} ${found.name} [${found.spec}]`, ...facts(found)];
    case 'code':
      return codeLines(found);
  }
}

function codeLines(found: Extract<Explanation, { kind: 'code' }>): readonly string[] {
  const { value, hresult, wraps } = found;
  const number = value < 0x10000 && hresult === null ? `${value} (${hex32(value)})` : hex32(value);
  const lines = [
    `${number} ${found.name ?? '(no name known)'}${found.spec === null ? '' : ` [${found.spec}]`}`,
    ...facts(found),
  ];
  if (found.aliases.length > 0) lines.push(`  also: ${found.aliases.join(', ')}`);
  if (wraps !== null) {
    const inner = wraps.value < 0x10000 ? `Win32 code ${wraps.value}` : `NTSTATUS ${hex32(wraps.value)}`;
    lines.push(`  wraps: ${inner}${wraps.name === null ? '' : ` ${wraps.name}`}`);
  }
  if (hresult !== null && !hresult.ntstatus) {
    const { failure, customer, facility, code } = hresult;
    const whose = customer ? 'not of Microsoft, ' : '';
    lines.push(`  ${failure ? 'failure' : 'success'}, ${whose}${facility}, code ${code} (${hex32(code)})`);
  }
  if (looksLikeNtstatus(value)) lines.push('  by its bits an NTSTATUS');
  return lines;
}

function facts(found: { readonly meaning: string | null; readonly cause: string | null }): readonly string[] {
  return [
    ...(found.meaning === null ? [] : [`  meaning: ${found.meaning}`]),
    ...(found.cause === null ? [] : [`  what to do: ${found.cause}`]),
  ];
}

function source(spec: string): string {
  return spec === 'SDK' ? 'the Windows SDK' : `[${spec}]`;
}

function memberLines(found: Extract<Explanation, { kind: 'member' }>): readonly string[] {
  const printed =
    found.printedOpnum === null || found.printedOpnum === found.opnum ? '' : ` (printed as ${found.printedOpnum})`;
  const dispid = found.dispid === null ? '' : `, DISPID ${found.dispid < 0 ? found.dispid : hex32(found.dispid)}`;
  const section = found.section === null ? '' : ` ${found.section}`;
  return [
    found.name,
    `  ${found.member} of ${source(found.spec)}${section}, opnum ${found.opnum}${printed}${dispid}`,
    ...(found.parameters === null || found.parameters.length === 0
      ? []
      : [`  parameters: ${found.parameters.join(', ')}`]),
    ...found.offWire.map((text) => `  ${text}`),
  ];
}

/** Methods named in a line. */
const METHODS_SHOWN = 400;

function wellKnownLines(found: Extract<Explanation, { kind: 'well-known' }>): readonly string[] {
  const shown = found.methods.slice(0, METHODS_SHOWN).map((name, opnum) => `${opnum} ${name}`);
  return [
    `${found.name} {${found.uuid}}${found.version === null ? '' : ` version ${found.version}`}`,
    `  interface of ${source(found.spec)}${found.base === null ? '' : `, derives from ${found.base}`}; named only: give its IDL with --idl to decode it`,
    ...(shown.length === 0 ? [] : [`  methods by opnum: ${shown.join(', ')}`]),
  ];
}
