/** Why calls and objects are believed to be what records say, in words. */

/** What a reference was handed out as, and where. */
interface HandedOut {
  readonly interface: string | null;
  readonly iid: string;
  readonly frame: number;
}

export function handedOutAs({ interface: name, iid, frame }: HandedOut): string {
  return `a reference to its ${name ?? iid} was handed out in frame ${frame}`;
}

export function contextOfObject({ interface: name, iid, frame }: HandedOut): string {
  return `no bind was captured; the object was handed out as ${name ?? iid} in frame ${frame}`;
}

export function contextOfOthers({ interface: name, iid, frame }: HandedOut): string {
  return `no bind was captured; another object called on this context was handed out as ${name ?? iid} in frame ${frame}`;
}

export function activationOf(member: string, clsid: string): string {
  return `no bind was captured; the request decodes strictly as ${member} of the class {${clsid}}`;
}

export function bindNotCaptured(contextId: number): string {
  return `the bind of context ${contextId} was not captured`;
}

export function onlyServersInterface(name: string): string {
  return `no bind was captured and nobody handed the object out; of the interfaces every DCOM server has, the stubs decode strictly only as ${name}`;
}

export function onlyDispatchInterface(name: string): string {
  return `no bind was captured and nobody handed the object out; of all dispatch interfaces, the calls of this context so far decode strictly only as ${name}`;
}

export function callsCaptured(name: string, frame: number): string {
  return `calls on its ${name} were captured from frame ${frame} on`;
}

export function activatedAs(className: string, frame: number): string {
  return `it was activated as ${className} in frame ${frame}`;
}

/** `returned`: by what, e.g. `Search of IUpdateSearcher#1`. */
export function returnedBy(returned: string): string {
  return `${returned} returns it`;
}

export function elementOf(enumerator: {
  readonly collection: string;
  readonly holder: string;
  readonly element: string;
}) {
  const { collection, holder, element } = enumerator;
  return `the enumerator of ${collection} returned it, and ${holder} holds ${element}`;
}

export function describedAs(name: string, frame: number): string {
  return `ITypeInfo::GetTypeAttr described it as ${name} in frame ${frame}`;
}

export function onlyWith(name: string, evidence: readonly string[]): string {
  return `only ${name} has ${evidence.slice(0, MAX_EVIDENCE).join(', ')} at these DISPIDs`;
}

/** Pieces of evidence named in one reason. */
const MAX_EVIDENCE = 4;

export function onlyDerived(member: string, base: string | undefined, dispid: number): string {
  return `it has ${member}, which no other interface derived from ${base} has at DISPID ${dispidText(dispid)}`;
}

/** Who told of a name for a DISPID, and where. */
interface Named {
  readonly by: string;
  readonly name: string;
  readonly frame: number;
}

export function namedDispid({ by, frame }: Named, dispid: number, name: string): string {
  return `${by} named DISPID ${dispidText(dispid)} ${name} in frame ${frame}`;
}

export function dispidOfTable(dispid: number, name: string): string {
  return `DISPID ${dispidText(dispid)} is ${name} in its table`;
}

export function handedOutAsOwner(owner: string): string {
  return `it was handed out as ${owner}`;
}

export function unknownObject(dispid: number): string {
  return `nobody handed this object out in the capture, so that DISPID ${dispidText(dispid)} could be any member`;
}

export function unknownClass(label: string, dispid: number): string {
  return `the class of ${label} is not known: no CLSID, member or name in the capture tells it, and DISPID ${dispidText(dispid)} alone means nothing`;
}

export function noSuchMember(interfaces: readonly string[], dispid: number): string {
  return `${interfaces.join(' and ')} ${interfaces.length === 1 ? 'has' : 'have'} no such member at DISPID ${dispidText(dispid)}`;
}

/** What calls decode only as one numbering, by server and interface. */
interface Evidence {
  readonly printed: number;
  readonly wire: number;
  readonly server: { readonly printed: number };
}

export function printedNumber(opnum: number, member: string, { printed, wire, server }: Evidence): string {
  const others =
    printed > 0
      ? `${printed} call${printed === 1 ? '' : 's'} of this interface`
      : `${server.printed} calls of other interfaces`;
  return `opnum ${opnum} is the printed number of ${member}: ${others} to this server decode only as printed numbers${wire > 0 ? `, ${wire} only as slots` : ''}`;
}

export function eitherNumber(opnum: number | null, member: string): string {
  return `opnum ${opnum} decodes as a slot and as a printed number, and this peer mixes the two: ${member} is but the likelier member`;
}

/**
 * A DISPID in the form people know: hexadecimal for those a type library numbered, decimal for the small and the
 * negative ones.
 */
function dispidText(dispid: number): string {
  const small = (dispid >= 0 && dispid < 0x10000) || (dispid < 0 && dispid > -0x10000);
  return small ? String(dispid) : `0x${(dispid >>> 0).toString(16)}`;
}
