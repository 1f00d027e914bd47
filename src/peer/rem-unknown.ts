import { E_NOINTERFACE } from '../dcom/hresults.js';
import { QUERIED_REFERENCES } from '../dcom/names.js';
import { readQueryResults, writeCounts, writeQuery, type Count } from '../dcom/remunknown.js';
import type { Fields } from '../ndr/value.js';
import type { Exporter } from './exporters.js';
import type { TypedAnswer } from './typed-calls.js';

/** References given back in one RemRelease. */
export const MAX_RELEASED = 256;

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
  const params = writeQuery({ ipid, references: QUERIED_REFERENCES, iids });
  call(exporter, 'RemQueryInterface', params, (answer) => {
    if (answer.kind !== 'response') {
      done(answer);
      return;
    }
    const results = readQueryResults(answer.value);
    const references = iids.map((_, at) => {
      const one = results[at];
      return one === undefined || one.hresult >>> 31 === 1 ? null : one.reference;
    });
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
  call(exporter, 'RemAddRef', writeCounts([{ ipid, references: QUERIED_REFERENCES }]), done);
}

/** Gives references back, some in each call; `done` is called when all calls are over, whatever they came to. */
export function releaseReferences(
  call: CallRemUnknown,
  exporter: Exporter,
  held: readonly Count[],
  done: () => void,
): void {
  const next = (from: number): void => {
    if (from >= held.length) done();
    else
      call(exporter, 'RemRelease', writeCounts(held.slice(from, from + MAX_RELEASED)), () => next(from + MAX_RELEASED));
  };
  next(0);
}
