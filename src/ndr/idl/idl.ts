import type { ComClass, Interface, MemberKind, Method, Parameter, Specification } from '../types.js';
import type { Attribute, Declaration, InterfaceNode, MethodNode } from './ast.js';
import { IDL_LIMITS, IdlError, type Place } from './error.js';
import { lex } from './lexer.js';
import { Lowering, type Known } from './lower.js';
import { emptyDocument, parse, whole } from './parser.js';
import { preprocess } from './preprocessor.js';

export { IDL_LIMITS, IdlError } from './error.js';
export type { Known } from './lower.js';

/** IDL text with the name that errors give it. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

interface IdlOptions {
  /** What the tables know. */
  readonly known: Known;
  /** IDL that stands before every file; its definitions give way to the files'. */
  readonly prelude: string;
  /** The file that `from` imports, or null where there is none. */
  readonly find: (name: string, from: string) => Source | null;
}

export interface IdlResult {
  readonly specification: Specification;
  /** Imports that were not found. What they define is unknown, unless the tables have it. */
  readonly missing: readonly string[];
}

/**
 * Reads MIDL text and what it imports into descriptors. Slots are numbered as MIDL numbers them: on from the base
 * interface.
 * @throws IdlError with file, line and column
 */
export function readIdl(source: Source, options: IdlOptions): IdlResult {
  const document = emptyDocument();
  const seen = new Set<string>();
  const missing: string[] = [];
  const macros = new Map();
  let tokens = 0;

  function read({ name, text }: Source, place: Place): void {
    if (seen.has(name)) return;
    seen.add(name);
    if (seen.size > IDL_LIMITS.files) throw new IdlError(`more than ${IDL_LIMITS.files} files are imported`, place);
    if (depth++ > IDL_LIMITS.depth) throw new IdlError(`imports are nested deeper than ${IDL_LIMITS.depth}`, place);
    const all = preprocess(lex(name, text), macros);
    if ((tokens += all.length) > IDL_LIMITS.tokens)
      throw new IdlError(`the files have more than ${IDL_LIMITS.tokens} words and signs`, place);
    parse(all, document, (wanted, token) => {
      const found = options.find(wanted, name);
      if (found !== null) read(found, token.place);
      else if (!missing.includes(wanted)) missing.push(wanted);
    });
    depth--;
  }
  let depth = 0;

  const start: Place = { file: source.name, line: 1, column: 1 };
  read({ name: 'predefined', text: options.prelude }, start);
  read(source, start);

  const title = source.name.replace(/^.*[\\/]/, '').replace(/\.[^.]*$/, '');
  const lowering = new Lowering(document, options.known, missing);
  const declared = new Map(document.interfaces.map((iface) => [iface.name, iface]));
  const slots = new Slots(declared, options.known, missing);
  const interfaces: Interface[] = [];
  for (const iface of declared.values()) {
    const made = interfaceOf(iface, slots, lowering, title);
    if (made !== null) interfaces.push(made);
  }
  lowering.enumerations(source.name);
  lowering.check();
  const classes = document.classes.flatMap((one): readonly ComClass[] => {
    const clsid = uuidOf(one.attributes);
    return clsid === null ? [] : [{ clsid, name: one.name, spec: title, section: null, interface: one.interface }];
  });
  return {
    specification: { name: title, title: source.name, types: lowering.types, interfaces, classes, errors: [] },
    missing,
  };
}

/** Slots by interface, those of the bases before the own. */
class Slots {
  private readonly interfaces: ReadonlyMap<string, InterfaceNode>;
  private readonly known: Known;
  private readonly missing: readonly string[];
  private readonly counts = new Map<string, number>();

  constructor(interfaces: ReadonlyMap<string, InterfaceNode>, known: Known, missing: readonly string[]) {
    this.interfaces = interfaces;
    this.known = known;
    this.missing = missing;
  }

  /** Number of the first own slot. */
  before(iface: InterfaceNode, depth = 0): number {
    if (iface.base === null) return 0;
    if (depth > IDL_LIMITS.depth)
      throw new IdlError(
        `${iface.name} derives from more than ${IDL_LIMITS.depth} interfaces, or from itself`,
        iface.place,
      );
    const known = this.counts.get(iface.base);
    if (known !== undefined) return known;
    const base = this.interfaces.get(iface.base);
    const count =
      base === undefined ? this.known.slots(iface.base) : this.before(base, depth + 1) + numbered(base).length;
    if (count === null) {
      const where =
        this.missing.length === 0 ? '' : `: give the folder of ${this.missing.slice(0, 4).join(', ')} with --idl-path`;
      throw new IdlError(
        `${iface.name} derives from ${iface.base}, which is not known, so its methods have no numbers${where}`,
        iface.place,
      );
    }
    this.counts.set(iface.base, count);
    return count;
  }

  isObject(iface: InterfaceNode, depth = 0): boolean {
    if (has(iface, 'object') || has(iface, 'dual') || has(iface, 'odl')) return true;
    if (iface.base === null || depth > IDL_LIMITS.depth) return false;
    const base = this.interfaces.get(iface.base);
    return base === undefined || this.isObject(base, depth + 1);
  }
}

function has({ attributes }: { readonly attributes: readonly Attribute[] }, name: string): boolean {
  return attributes.some((one) => one.name === name);
}

/**
 * The methods that have a slot each: a `call_as` takes the slot of the local method it stands for; local ones of plain
 * RPC have none.
 */
function numbered(iface: InterfaceNode): readonly { readonly shown: MethodNode; readonly onWire: MethodNode | null }[] {
  const remote = new Map<string, MethodNode>();
  for (const method of iface.methods) {
    const of = method.attributes.find((one) => one.name === 'call_as')?.args[0]?.[0]?.text;
    if (of !== undefined) remote.set(of, method);
  }
  const ownSlot = iface.methods.filter((method) => !has(method, 'callback') && !replaces(method));
  const isLocal = has(iface, 'local');
  return ownSlot.map((method) => {
    const stand = remote.get(method.name);
    return { shown: stand ?? method, onWire: stand ?? (isLocal || has(method, 'local') ? null : method) };
  });

  /** A call_as whose local method is in this interface, and has the slot. */
  function replaces(method: MethodNode): boolean {
    const of = method.attributes.find((one) => one.name === 'call_as')?.args[0]?.[0]?.text;
    return of !== undefined && iface.methods.some((one) => one.name === of && one !== method);
  }
}

/** What `pointer_default` says; without it, pointers are unique. */
const POINTER_DEFAULTS: ReadonlyMap<string, 'ref' | 'unique' | 'full'> = new Map([
  ['ref', 'ref'],
  ['ptr', 'full'],
]);

function interfaceOf(iface: InterfaceNode, slots: Slots, lowering: Lowering, spec: string): Interface | null {
  const uuid = uuidOf(iface.attributes);
  if (uuid === null) return null;
  const orpc = slots.isObject(iface);
  const first = slots.before(iface);
  const pointer = iface.attributes.find((one) => one.name === 'pointer_default')?.args[0]?.[0]?.text;
  const pointerDefault = POINTER_DEFAULTS.get(pointer ?? '') ?? 'unique';
  const rows = orpc ? numbered(iface) : numbered(iface).filter((row) => row.onWire !== null);
  const version =
    iface.attributes
      .find((one) => one.name === 'version')
      ?.args[0]?.map((token) => token.text)
      .join('') ?? '0.0';
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const methods = rows.map(({ shown, onWire }, i) => methodOf(shown, onWire, first + i, lowering, pointerDefault));
  return { name: iface.name, uuid, version: { major, minor }, base: iface.base, spec, section: null, orpc, methods };
}

function methodOf(
  shown: MethodNode,
  onWire: MethodNode | null,
  opnum: number,
  lowering: Lowering,
  pointerDefault: 'ref' | 'unique' | 'full',
): Method {
  const { attributes, name } = shown;
  const member: MemberKind =
    (['propget', 'propput', 'propputref'] as const).find((kind) => has(shown, kind)) ?? 'method';
  const id = attributes.find((one) => one.name === 'id')?.args[0];
  const idAttribute = attributes.find((one) => one.name === 'id');
  const number = id === undefined || idAttribute === undefined ? null : lowering.constant(whole(id, idAttribute));
  const signed = number !== null && number > 0x7fff_ffffn ? BigInt.asIntN(32, number) : number;
  const dispid = signed === null ? null : Number(signed);
  const common = { name, opnum, printedOpnum: opnum, member, dispid, section: null };
  if (onWire === null || /NotUsedOnWire$/i.test(name))
    return { ...common, params: null, returns: null, notUsedOnWire: true };
  const scope = { pointerDefault, neighbours: onWire.params };
  const params = onWire.params.flatMap((param): readonly Parameter[] => {
    const type = lowering.type(param, { ...scope, position: 'param' });
    if (type === null) return [];
    return [
      {
        name: param.declarator.name,
        direction: directionOf(param),
        type,
        ...(has(param, 'retval') ? { retval: true } : {}),
        ...(has(param, 'optional') || has(param, 'defaultvalue') ? { optional: true } : {}),
      },
    ];
  });
  return { ...common, params, returns: lowering.type(onWire.returns, { ...scope, position: 'result' }) };
}

function directionOf(param: Declaration): Parameter['direction'] {
  if (!has(param, 'out')) return 'in';
  return has(param, 'in') ? 'inout' : 'out';
}

function uuidOf(attributes: readonly Attribute[]): string | null {
  const found = attributes.find((one) => one.name === 'uuid');
  if (found === undefined) return null;
  const token = found.args[0]?.[0];
  const text = token?.text.replace(/[{}]/g, '').toLowerCase() ?? '';
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text))
    throw new IdlError('uuid(...) holds no UUID', found.place);
  return text;
}
