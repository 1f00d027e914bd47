import { GUID_NULL } from '../bytes/guid.js';
import { asList, isRecord, type Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import type { Exporter } from './exporters.js';
import type { TypedAnswer } from './typed-calls.js';

/** Public references that a query or an added reference asks for, as clients of Windows do ([MS-DCOM] 3.2.4.4.3). */
export const REFERENCES = 5;
/** References given back in one RemRelease. */
export const MAX_RELEASED = 256;

const E_NOINTERFACE = 0x8000_4002;

/** Calls a method of an exporter's IRemUnknown ([MS-DCOM] 3.1.1.5.6); `done` is called once. */
export type CallRemUnknown = (
  exporter: Exporter,
  method: 'RemQueryInterface' | 'RemAddRef' | 'RemRelease',
  params: Fields,
  done: (answer: TypedAnswer) => void,
) => void;

/** What a query found: for every interface asked for the STDOBJREF of it, or null where the object does not have it. */
export type QueryAnswer =
  | { readonly kind: 'found'; readonly references: readonly (Fields | null)[] }
  | { readonly kind: 'refused'; readonly result: number }
  | Exclude<TypedAnswer, { readonly kind: 'response' }>;

/** Asks an object for interfaces (RemQueryInterface). */
export function queryInterfaces(
  call: CallRemUnknown,
  exporter: Exporter,
  ipid: string,
  iids: readonly string[],
  done: (answer: QueryAnswer) => void,
): void {
  const params = { ripid: ipid, cRefs: REFERENCES, cIids: iids.length, iids: [...iids] };
  call(exporter, 'RemQueryInterface', params, (answer) => {
    if (answer.kind !== 'response') {
      done(answer);
      return;
    }
    const results = asList(answer.value['ppQIResults']);
    const references = iids.map((_, at) => foundIn(results[at]));
    const none = references.every((one) => one === null);
    done(
      none && answer.result >>> 31 === 1 && answer.result !== E_NOINTERFACE
        ? { kind: 'refused', result: answer.result }
        : { kind: 'found', references },
    );
  });
}

/** Asks for more references to an object. */
export function addReferences(
  call: CallRemUnknown,
  exporter: Exporter,
  ipid: string,
  done: (answer: TypedAnswer) => void,
): void {
  call(exporter, 'RemAddRef', counted([{ ipid, references: REFERENCES }]), done);
}

/** Gives references back, some in each call; `done` is called when all calls are over, whatever they came to. */
export function releaseReferences(
  call: CallRemUnknown,
  exporter: Exporter,
  held: readonly { readonly ipid: string; readonly references: number }[],
  done: () => void,
): void {
  const next = (from: number): void => {
    if (from >= held.length) done();
    else call(exporter, 'RemRelease', counted(held.slice(from, from + MAX_RELEASED)), () => next(from + MAX_RELEASED));
  };
  next(0);
}

function counted(list: readonly { readonly ipid: string; readonly references: number }[]): Fields {
  return {
    cInterfaceRefs: list.length,
    InterfaceRefs: list.map(({ ipid, references }) => ({ ipid, cPublicRefs: references, cPrivateRefs: 0 })),
  };
}

function foundIn(result: Value | undefined): Fields | null {
  if (!isRecord(result) || Number(result['hResult']) >>> 31 === 1) return null;
  const std = result['std'] ?? null;
  return isRecord(std) && typeof std['ipid'] === 'string' && std['ipid'] !== GUID_NULL ? std : null;
}
