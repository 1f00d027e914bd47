import { hex32 } from '../bytes/hex.js';
import type { ErrorName, Specification } from '../ndr/types.js';

/** What is known of a number, a name or a GUID: plain facts, to be laid out by whoever shows them. */
export type Explanation =
  | {
      readonly kind: 'code'; readonly value: number; readonly name: string | null; readonly spec: string | null; readonly meaning: string | null; readonly cause: string | null;
      /** Parts of an HRESULT; null for a plain status. */
      readonly hresult: { readonly failure: boolean; readonly facility: string; readonly code: number } | null;
    }
  | { readonly kind: 'interface'; readonly uuid: string; readonly name: string; readonly spec: string; readonly section: string | null; readonly base: string | null; readonly methods: number; readonly erratum: string | null }
  | { readonly kind: 'class'; readonly clsid: string; readonly name: string; readonly spec: string; readonly interface: string | null };

/** Facilities of [MS-ERREF] 2.1 that Windows Update, DCOM and automation use. */
const FACILITIES: Readonly<Record<number, string>> = {
  0: 'FACILITY_NULL', 1: 'FACILITY_RPC', 2: 'FACILITY_DISPATCH', 3: 'FACILITY_STORAGE', 4: 'FACILITY_ITF', 7: 'FACILITY_WIN32', 8: 'FACILITY_WINDOWS', 9: 'FACILITY_SECURITY', 11: 'FACILITY_CERT',
  36: 'FACILITY_WINDOWSUPDATE',
};

/** Look-ups by value and by name, made once over all tables. */
export class Explainer {
  private readonly byValue = new Map<number, ErrorName>();
  private readonly byName = new Map<string, ErrorName>();
  private readonly win32 = new Map<number, ErrorName>();
  private readonly specifications: readonly Specification[];

  constructor(specifications: readonly Specification[], win32: readonly ErrorName[]) {
    this.specifications = specifications;
    for (const error of specifications.flatMap((specification) => specification.errors)) {
      if (!this.byValue.has(error.value)) this.byValue.set(error.value, error);
      this.byName.set(error.name.toLowerCase(), error);
    }
    for (const error of win32) {
      if (!this.win32.has(error.value)) this.win32.set(error.value, error);
      if (!this.byName.has(error.name.toLowerCase())) this.byName.set(error.name.toLowerCase(), error);
    }
  }

  /** Name of an HRESULT: its own, or HRESULT_FROM_WIN32 of its Win32 code. */
  hresult(value: number): string | null {
    const own = this.byValue.get(value >>> 0);
    if (own !== undefined) return own.name;
    if (value >>> 16 !== 0x8007) return null;
    const inner = this.win32.get(value & 0xffff);
    return inner === undefined ? null : `HRESULT_FROM_WIN32(${inner.name})`;
  }

  /** Name of the status of a fault PDU: nca status, Win32 code or HRESULT. */
  status(value: number): string | null {
    return this.win32.get(value >>> 0)?.name ?? this.hresult(value);
  }

  /** What `text` is: a code in hex or decimal (negative too), an error's name, an IID, RPC interface UUID or CLSID, an interface's name. */
  explain(text: string): readonly Explanation[] {
    const wanted = text.trim().replace(/^\{|\}$/g, '').toLowerCase();
    const found: Explanation[] = [];
    for (const specification of this.specifications) {
      for (const face of specification.interfaces) {
        if (face.uuid !== wanted && face.name.toLowerCase() !== wanted) continue;
        found.push({ kind: 'interface', uuid: face.uuid, name: face.name, spec: face.spec, section: face.section, base: face.base, methods: face.methods.length, erratum: face.erratum ?? null });
      }
      for (const known of specification.classes) {
        if (known.clsid === wanted || known.name.toLowerCase() === wanted) found.push({ kind: 'class', clsid: known.clsid, name: known.name, spec: known.spec, interface: known.interface });
      }
    }
    if (found.length > 0) return found;
    const named = this.byName.get(wanted);
    const value = named?.value ?? numberOf(wanted);
    return value === null ? [] : [this.code(value)];
  }

  /** Error names that resemble a misspelt one, nearest first. */
  suggestions(text: string): readonly string[] {
    const wanted = text.trim().toLowerCase();
    if (wanted.length < 4) return [];
    return [...this.byName.values()].filter((error) => error.name.toLowerCase().includes(wanted)).slice(0, 5).map((error) => error.name);
  }

  private code(value: number): Explanation {
    const isPlain = value < 0x10000 && value > 1;
    const own = isPlain ? this.win32.get(value) : this.byValue.get(value);
    const inner = value >>> 16 === 0x8007 ? this.win32.get(value & 0xffff) : undefined;
    const isNca = value >>> 24 === 0x1c;
    return {
      kind: 'code', value, name: own?.name ?? this.hresult(value), spec: own?.spec ?? inner?.spec ?? null, meaning: own?.meaning ?? inner?.meaning ?? null, cause: own?.cause ?? inner?.cause ?? null,
      hresult: isPlain || isNca ? null : { failure: value >>> 31 === 1, facility: FACILITIES[(value >>> 16) & 0x7ff] ?? `facility ${(value >>> 16) & 0x7ff}`, code: value & 0xffff },
    };
  }
}

function numberOf(text: string): number | null {
  if (!/^(0x[0-9a-f]{1,8}|-?\d{1,10}|[0-9a-f]{8})$/.test(text)) return null;
  const value = /^[0-9a-f]{8}$/.test(text) ? Number.parseInt(text, 16) : Number(text);
  return value >= -0x8000_0000 && value <= 0xffff_ffff ? value >>> 0 : null;
}

/** An explanation as lines for people. */
export function explanationLines(found: Explanation): readonly string[] {
  switch (found.kind) {
    case 'interface':
      return [
        `${found.name} {${found.uuid}}`, `  interface of ${found.spec === 'SDK' ? 'the Windows SDK' : `[${found.spec}]`}${found.section === null ? '' : ` ${found.section}`}${found.base === null ? '' : `, derives from ${found.base}`}, ${found.methods} methods of its own`,
        ...(found.erratum === null ? [] : [`  erratum: ${found.erratum}`]),
      ];
    case 'class':
      return [`CLSID_${found.name} {${found.clsid}}`, `  class of ${found.spec === 'SDK' ? 'the Windows SDK' : `[${found.spec}]`}${found.interface === null ? '' : `, default interface ${found.interface}`}`];
    case 'code': {
      const lines = [`${hex32(found.value)} ${found.name ?? '(no name known)'}${found.spec === null ? '' : ` [${found.spec}]`}`];
      if (found.meaning !== null) lines.push(`  meaning: ${found.meaning}`);
      if (found.cause !== null) lines.push(`  what to do: ${found.cause}`);
      if (found.hresult !== null) lines.push(`  ${found.hresult.failure ? 'failure' : 'success'}, ${found.hresult.facility}, code ${found.hresult.code} (${hex32(found.hresult.code)})`);
      return lines;
    }
  }
}
