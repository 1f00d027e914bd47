import { GUID_NULL } from '../bytes/guid.js';
import { asList, isRecord, type Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import { NO_OBJECT } from './references.js';
import {
  numberOf,
  read,
  textOf,
  type Read,
  type RemAddRefResponse,
  type RemCountRequest,
  type RemInterfaceRef,
  type RemQiResult,
  type RemQueryInterface2Response,
  type RemQueryInterfaceRequest,
  type RemQueryInterfaceResponse,
  type StdObjref,
} from './wire.js';

/** The calls of IRemUnknown and IRemUnknown2 ([MS-DCOM] 3.1.1.5.6, 3.1.1.5.7): parameters to what they say, and back. */

/** RemQueryInterface: which interfaces of which object, with how many references each. */
export interface Query {
  readonly ipid: string;
  readonly references: number;
  readonly iids: readonly string[];
}

/** What a query says of one interface; `reference` (its STDOBJREF) is null where it was refused. */
interface QueryResult<Std = Fields> {
  readonly hresult: number;
  readonly reference: Std | null;
}

/** Public references to an interface that are asked for, or given back. */
export interface Count {
  readonly ipid: string;
  readonly references: number;
}

export function writeQuery({ ipid, references, iids }: Query): Fields {
  return { ripid: ipid, cRefs: references, cIids: iids.length, iids: [...iids] } satisfies RemQueryInterfaceRequest;
}

/** The query of a request of either method; null where it names no object. RemQueryInterface2 counts no references. */
export function readQuery(request: Fields): Query | null {
  const { ripid, cRefs, iids } = read<RemQueryInterfaceRequest>(request);
  return typeof ripid === 'string'
    ? { ipid: ripid, references: numberOf(cRefs, 0), iids: asList(iids).map(String) }
    : null;
}

/** `results` null: the object is not there. */
export function writeQueryResults(results: readonly QueryResult<StdObjref>[] | null): Fields {
  return {
    ppQIResults: results?.map(({ hresult, reference }) => ({ hResult: hresult, std: reference ?? NO_OBJECT })) ?? null,
  } satisfies RemQueryInterfaceResponse;
}

/** One for each IID of the query, in its order, as far as the answer has them. */
export function readQueryResults(response: Fields): readonly QueryResult[] {
  return asList(read<RemQueryInterfaceResponse>(response).ppQIResults).map((one) => {
    const { hResult, std } = read<RemQiResult>(one);
    const known = isRecord(std) && typeof std['ipid'] === 'string' && std['ipid'] !== GUID_NULL ? std : null;
    return { hresult: numberOf(hResult, 0) >>> 0, reference: known };
  });
}

/** HRESULTs of an answer of either method, by the places of the IIDs. */
export function readQueryHresults(response: Fields): readonly number[] {
  const { phr } = read<RemQueryInterface2Response>(response);
  return phr === undefined
    ? readQueryResults(response).map((one) => one.hresult)
    : asList(phr).map((one) => numberOf(one, 0) >>> 0);
}

/** RemQueryInterface2 answers with OBJREFs. */
export function writeQueryResults2(results: readonly QueryResult<Value>[]): Fields {
  return {
    phr: results.map((one) => one.hresult),
    ppMIF: results.map((one) => one.reference),
  } satisfies RemQueryInterface2Response;
}

/** The request of RemAddRef and RemRelease. */
export function writeCounts(counts: readonly Count[]): Fields {
  return {
    cInterfaceRefs: counts.length,
    InterfaceRefs: counts.map(({ ipid, references }) => ({ ipid, cPublicRefs: references, cPrivateRefs: 0 })),
  } satisfies RemCountRequest;
}

/** Elements that name no IPID have an empty one, so that results can be told by their place. */
export function readCounts(request: Fields): readonly Count[] {
  const list = asList((request as Read<RemCountRequest>).InterfaceRefs);
  return list.map((one) => {
    const { ipid, cPublicRefs } = read<RemInterfaceRef>(one);
    return { ipid: textOf(ipid) ?? '', references: numberOf(cPublicRefs, 0) };
  });
}

/** Whether a request counts references: RemAddRef or RemRelease. */
export function holdsCounts(request: Fields): boolean {
  return Array.isArray(read<RemCountRequest>(request).InterfaceRefs);
}

/** The same request with only the elements that `keep` wants; `keep` is given each with its place. */
export function keepCounts(request: Fields, keep: (count: Count, at: number) => boolean): Fields {
  const counts = readCounts(request);
  const kept = asList(read<RemCountRequest>(request).InterfaceRefs).filter((_, at) => keep(counts[at] as Count, at));
  return { ...request, cInterfaceRefs: kept.length, InterfaceRefs: kept };
}

export function writeAddResults(results: readonly number[]): Fields {
  return { pResults: results } satisfies RemAddRefResponse;
}

/** HRESULTs of a RemAddRef by the places of its references. */
export function readAddResults(response: Fields): readonly number[] {
  return asList(read<RemAddRefResponse>(response).pResults).map((one) => numberOf(one, 0));
}
