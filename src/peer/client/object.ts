import type { Pointer } from '../../dcom/references.js';
import { DISPID_PROPERTYPUT } from '../../dcom/automation.js';
import { DISP_E_UNKNOWNNAME, E_NOINTERFACE } from '../../dcom/hresults.js';
import { GUID_NULL } from '../../bytes/guid.js';
import { argumentFor, asVariant, fromVariant } from './arguments.js';
import { ClientError, failed } from './error.js';
import { givenParameters, titleOf, type Members, type Slot, type Use } from '../members.js';
import { readInvocation } from '../../analysis/dispparams.js';
import type { Registry } from '../../ndr/codec.js';
import type { Fields, OpenFields } from '../../ndr/value.js';
import type { Value } from '../../types.js';
import { suggest } from '../../bytes/suggest.js';
import type { Returned } from './calls.js';

/** A reference to one interface of an object that is held, with what calls on it need ([MS-DCOM] 2.2.18.4). */
export interface HeldReference extends Pick<Pointer, 'iid' | 'ipid' | 'oxid' | 'oid'> {
  readonly flags: number;
  readonly bindings: Value;
}

/** What a caller may give: plain values, a VARIANT as `{ vt, value }`, or an object of the same server. */
export type Argument = Value | RemoteObject;

/** A value of a call: what the tables' codecs show, with references as objects. */
export type RemoteValue = Value | RemoteObject | readonly RemoteValue[] | { readonly [name: string]: RemoteValue };

/** What objects need of the client that holds them. All but `iid` make calls. */
export interface ObjectOwner {
  readonly registry: Registry;
  readonly members: Members;
  /** Makes a call on an object; the return value is not judged. @throws ClientError */
  invoke(reference: HeldReference, slot: Slot, params: Fields): Promise<Returned>;
  /** Asks an object for interfaces: those that it has. @throws ClientError */
  queryInterface(object: RemoteObject, iids: readonly string[]): Promise<readonly RemoteObject[]>;
  /** Values of an answer with the references in them as objects that are held from now on. @throws ClientError */
  adopt(value: Value | Fields): Promise<RemoteValue>;
  /** The OBJREF of an object that is handed to the server. @throws ClientError */
  handOver(object: RemoteObject): Promise<Value>;
  /** Gives objects back. */
  release(objects: readonly RemoteObject[]): Promise<void>;
  /** IID of an interface by its name, or an IID itself. @throws ClientError */
  iid(nameOrIid: string): string;
}

/** Elements of a collection that are read at most. */
export const MAX_ITEMS = 100_000;
const IID_IDISPATCH = '00020400-0000-0000-c000-000000000046';
/** dwFlags of Invoke ([MS-OAUT] 3.1.4.4); scripts ask for a method or a property alike. */
const FLAGS: Readonly<Record<Use, number>> = { call: 3, get: 3, put: 4 };
/** LCID of names and arguments: US English. */
const LCID = 0x409;

/**
 * One interface of a remote object. Where it is IDispatch, members are called by name (GetIDsOfNames, Invoke); where it
 * is another of the tables, by opnum. The same interface of the same object is always the same RemoteObject.
 */
export class RemoteObject {
  readonly reference: HeldReference;
  /** Name of its interface; the IID where nobody knows a name. */
  readonly interface: string;
  /** Public references that are held. */
  references = 0;
  private readonly client: ObjectOwner;
  private readonly dispids = new Map<string, number>();
  private readonly siblings = new Map<string, RemoteObject>();

  constructor(client: ObjectOwner, reference: HeldReference) {
    this.client = client;
    this.reference = reference;
    this.interface = client.registry.interfaceByUuid(reference.iid)?.interface.name ?? reference.iid;
  }

  get ipid(): string {
    return this.reference.ipid;
  }

  /** Whether its members are called by name. */
  get late(): boolean {
    return this.reference.iid === IID_IDISPATCH;
  }

  /** Calls a method, or gets a property that takes arguments. @throws ClientError */
  call(name: string, ...args: readonly Argument[]): Promise<RemoteValue> {
    return this.use('call', name, args);
  }

  /** Gets a property. @throws ClientError */
  get(name: string, ...args: readonly Argument[]): Promise<RemoteValue> {
    return this.use('get', name, args);
  }

  /** Puts a property; the value is the last argument. @throws ClientError */
  async put(name: string, ...args: readonly Argument[]): Promise<void> {
    await this.use('put', name, args);
  }

  /**
   * Another interface of the object, by name or IID (QueryInterface). @throws ClientError of kind `failed` and
   * E_NOINTERFACE where it has none
   */
  async as(nameOrIid: string): Promise<RemoteObject> {
    const iid = this.client.iid(nameOrIid);
    const found = iid === this.reference.iid ? this : await this.query([iid]);
    if (found === null) throw failed(`QueryInterface of ${this.interface} for ${nameOrIid}`, E_NOINTERFACE);
    return found;
  }

  /** All elements of a collection: Count, then Item of each. @throws ClientError */
  async items(): Promise<readonly RemoteValue[]> {
    const count = Number(await this.get('Count'));
    if (!Number.isInteger(count) || count < 0 || count > MAX_ITEMS)
      throw new ClientError('usage', `${this.interface} says it has ${count} elements; at most ${MAX_ITEMS} are read`);
    const items: RemoteValue[] = [];
    for (let at = 0; at < count; at++) items.push(await this.get('Item', at));
    return items;
  }

  /** Elements of a collection; null where it is none. @throws ClientError */
  async count(): Promise<number | null> {
    if (!this.late)
      return this.client.members.find(this.interface, 'Count', 'get') === null ? null : Number(await this.get('Count'));
    return (await this.dispid('Count')) === null ? null : Number(await this.get('Count'));
  }

  /** Gives the object back. It cannot be used any more. */
  release(): Promise<void> {
    return this.client.release([this]);
  }

  /** Takes note of other interfaces of the same object. */
  beside(others: readonly RemoteObject[]): void {
    for (const one of others) this.siblings.set(one.reference.iid, one);
  }

  toString(): string {
    return `${this.interface} {${this.ipid}}`;
  }

  private async use(use: Use, name: string, args: readonly Argument[]): Promise<RemoteValue> {
    if (this.late) return this.invoke(use, name, args);
    const { members } = this.client;
    const slot = members.find(this.interface, name, use);
    if (slot !== null) return this.early(slot, args);
    const derived = members.derivedWith(this.interface, name, use).map((one) => this.client.iid(one));
    if (derived.length === 0)
      throw new ClientError('usage', unknownMember(this.interface, name, use, members.names(this.interface)));
    const found = await this.query(derived);
    if (found === null)
      throw failed(
        `${name}: QueryInterface of ${this.interface} for ${derived.map((iid) => this.client.registry.interfaceByUuid(iid)?.interface.name).join(', ')}`,
        E_NOINTERFACE,
      );
    return found.use(use, name, args);
  }

  /** The first of these interfaces that the object has, asked for once; null when it has none. */
  private async query(iids: readonly string[]): Promise<RemoteObject | null> {
    const first = (): RemoteObject | null =>
      iids.map((iid) => this.siblings.get(iid)).find((one) => one !== undefined) ?? null;
    if (first() === null) this.beside(await this.client.queryInterface(this, iids));
    return first();
  }

  private async early(slot: Slot, args: readonly Argument[]): Promise<RemoteValue> {
    const title = titleOf(slot);
    if (slot.method.notUsedOnWire === true)
      throw new ClientError(
        'usage',
        `${title} is not served remotely: a client must not call it (the specification calls its opnum not used on the wire)`,
        { call: title },
      );
    const params = givenParameters(slot.method);
    if (slot.method.params !== null && params.length !== args.length) {
      throw new ClientError(
        'usage',
        `${title} takes ${params.length === 0 ? 'no arguments' : `${params.length} (${params.map((one) => one.name).join(', ')})`}, not ${args.length}`,
        { call: title },
      );
    }
    const given: OpenFields = {};
    for (const [at, param] of params.entries())
      given[param.name] = argumentFor(await this.handed(args[at] ?? null), param.type, this.client.registry);
    const { value, result } = await this.client.invoke(this.reference, slot, given);
    if (result >>> 31 === 1) throw failed(title, result);
    const returned = (slot.method.params ?? []).filter((param) => param.direction !== 'in');
    const only = returned.find((param) => returned.length === 1 || param.retval === true);
    if (only !== undefined) return this.client.adopt(fromVariant(value[only.name] ?? null));
    const all: Record<string, RemoteValue> = {};
    for (const param of returned) all[param.name] = await this.client.adopt(fromVariant(value[param.name] ?? null));
    return returned.length === 0 ? null : all;
  }

  private async invoke(use: Use, name: string, args: readonly Argument[]): Promise<RemoteValue> {
    const dispid = await this.dispid(name);
    if (dispid === null) throw failed(`${this.interface}::GetIDsOfNames of ${name}`, DISP_E_UNKNOWNNAME);
    const variants: Value[] = [];
    for (const arg of args) variants.push(asVariant(await this.handed(arg)));
    variants.reverse();
    const params: Fields = {
      dispIdMember: dispid,
      riid: GUID_NULL,
      lcid: LCID,
      dwFlags: FLAGS[use],
      pDispParams: {
        rgvarg: variants.length === 0 ? null : variants,
        rgdispidNamedArgs: use === 'put' ? [DISPID_PROPERTYPUT] : null,
        cArgs: variants.length,
        cNamedArgs: use === 'put' ? 1 : 0,
      },
      cVarRef: 0,
      rgVarRefIdx: [],
      rgVarRef: [],
    };
    const { value, result } = await this.client.invoke(this.reference, this.slot('Invoke'), params);
    const read = readInvocation(params, value, result);
    if (result >>> 31 === 1) throw failed(name, read?.hresult ?? result, read?.exception ?? null);
    return this.client.adopt(fromVariant(value['pVarResult'] ?? null));
  }

  /** DISPID of a name, asked for once; null when the object has no such member. */
  private async dispid(name: string): Promise<number | null> {
    const known = this.dispids.get(name.toLowerCase());
    if (known !== undefined) return known;
    const { value, result } = await this.client.invoke(this.reference, this.slot('GetIDsOfNames'), {
      riid: GUID_NULL,
      rgszNames: [name],
      cNames: 1,
      lcid: LCID,
    });
    if (result === DISP_E_UNKNOWNNAME) return null;
    if (result >>> 31 === 1) throw failed(`IDispatch::GetIDsOfNames of ${name}`, result);
    const dispid = Number((Array.isArray(value['rgDispId']) ? value['rgDispId'] : [])[0]);
    this.dispids.set(name.toLowerCase(), dispid);
    return dispid;
  }

  private slot(name: string): Slot {
    const slot = this.client.members.find('IDispatch', name, 'call');
    if (slot === null) throw new ClientError('usage', `the tables lack IDispatch::${name}`);
    return slot;
  }

  private async handed(arg: Argument): Promise<Value> {
    return arg instanceof RemoteObject ? this.client.handOver(arg) : arg;
  }
}

function unknownMember(interfaceName: string, name: string, use: Use, names: readonly string[]): string {
  const near = suggest(name, names);
  return `${interfaceName} has no member ${name}${use === 'put' ? ' that can be put' : ''}${near.length === 0 ? '' : `; is it ${near.join(' or ')}?`}`;
}
