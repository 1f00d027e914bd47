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
  const faces = new Map(document.interfaces.map((face) => [face.name, face]));
  const slots = new Slots(faces, options.known, missing);
  const interfaces: Interface[] = [];
  for (const face of faces.values()) {
    const made = interfaceOf(face, slots, lowering, title);
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
  private readonly faces: ReadonlyMap<string, InterfaceNode>;
  private readonly known: Known;
  private readonly missing: readonly string[];
  private readonly counts = new Map<string, number>();

  constructor(faces: ReadonlyMap<string, InterfaceNode>, known: Known, missing: readonly string[]) {
    this.faces = faces;
    this.known = known;
    this.missing = missing;
  }

  /** Number of the first own slot. */
  before(face: InterfaceNode, depth = 0): number {
    if (face.base === null) return 0;
    if (depth > IDL_LIMITS.depth)
      throw new IdlError(
        `${face.name} derives from more than ${IDL_LIMITS.depth} interfaces, or from itself`,
        face.place,
      );
    const known = this.counts.get(face.base);
    if (known !== undefined) return known;
    const base = this.faces.get(face.base);
    const count =
      base === undefined ? this.known.slots(face.base) : this.before(base, depth + 1) + numbered(base).length;
    if (count === null) {
      const where =
        this.missing.length === 0 ? '' : `: give the folder of ${this.missing.slice(0, 4).join(', ')} with --idl-path`;
      throw new IdlError(
        `${face.name} derives from ${face.base}, which is not known, so its methods have no numbers${where}`,
        face.place,
      );
    }
    this.counts.set(face.base, count);
    return count;
  }

  isObject(face: InterfaceNode, depth = 0): boolean {
    if (has(face, 'object') || has(face, 'dual') || has(face, 'odl')) return true;
    if (face.base === null || depth > IDL_LIMITS.depth) return false;
    const base = this.faces.get(face.base);
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
function numbered(face: InterfaceNode): readonly { readonly shown: MethodNode; readonly onWire: MethodNode | null }[] {
  const remote = new Map<string, MethodNode>();
  for (const method of face.methods) {
    const of = method.attributes.find((one) => one.name === 'call_as')?.args[0]?.[0]?.text;
    if (of !== undefined) remote.set(of, method);
  }
  const ownSlot = face.methods.filter((method) => !has(method, 'callback') && !replaces(method));
  const isLocal = has(face, 'local');
  return ownSlot.map((method) => {
    const stand = remote.get(method.name);
    return { shown: stand ?? method, onWire: stand ?? (isLocal || has(method, 'local') ? null : method) };
  });

  /** A call_as whose local method is in this interface, and has the slot. */
  function replaces(method: MethodNode): boolean {
    const of = method.attributes.find((one) => one.name === 'call_as')?.args[0]?.[0]?.text;
    return of !== undefined && face.methods.some((one) => one.name === of && one !== method);
  }
}

/** What `pointer_default` says; without it, pointers are unique. */
const POINTER_DEFAULTS: ReadonlyMap<string, 'ref' | 'unique' | 'full'> = new Map([
  ['ref', 'ref'],
  ['ptr', 'full'],
]);

function interfaceOf(face: InterfaceNode, slots: Slots, lowering: Lowering, spec: string): Interface | null {
  const uuid = uuidOf(face.attributes);
  if (uuid === null) return null;
  const orpc = slots.isObject(face);
  const first = slots.before(face);
  const pointer = face.attributes.find((one) => one.name === 'pointer_default')?.args[0]?.[0]?.text;
  const pointerDefault = POINTER_DEFAULTS.get(pointer ?? '') ?? 'unique';
  const rows = orpc ? numbered(face) : numbered(face).filter((row) => row.onWire !== null);
  const version =
    face.attributes
      .find((one) => one.name === 'version')
      ?.args[0]?.map((token) => token.text)
      .join('') ?? '0.0';
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const methods = rows.map(({ shown, onWire }, i) => methodOf(shown, onWire, first + i, lowering, pointerDefault));
  return { name: face.name, uuid, version: { major, minor }, base: face.base, spec, section: null, orpc, methods };
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
