import {
  readCounts,
  readQuery,
  writeAddResults,
  writeQueryResults,
  writeQueryResults2,
  type Query,
} from '../../dcom/remunknown.js';
import type { Fields } from '../../ndr/value.js';
import { E_NOINTERFACE, S_FALSE, S_OK, type Outcome } from './dispatch.js';
import type { References } from './references.js';

const RPC_E_INVALID_IPID = 0x80010113;

/** IRemUnknown and IRemUnknown2 ([MS-DCOM] 3.1.1.5.6, 3.1.1.5.7): interfaces of objects, and their references. */
export function callRemUnknown(method: string, value: Fields, references: References, owner: string): Outcome {
  switch (method) {
    case 'RemQueryInterface':
      return query(readQuery(value), references, owner);
    case 'RemQueryInterface2':
      return query2(readQuery(value), references, owner);
    case 'RemAddRef': {
      const results = readCounts(value).map((one) =>
        references.table.addReferences(one.ipid, one.references) ? S_OK : RPC_E_INVALID_IPID,
      );
      return { hresult: S_OK, out: writeAddResults(results) };
    }
    default:
      for (const one of readCounts(value)) references.table.release(one.ipid, one.references);
      return { hresult: S_OK };
  }
}

function query(wanted: Query | null, references: References, owner: string): Outcome {
  const entry = references.table.find(wanted?.ipid ?? '');
  if (wanted === null || entry === undefined) return { hresult: RPC_E_INVALID_IPID, out: writeQueryResults(null) };
  const results = wanted.iids.map((iid) => {
    const reference = references.std(entry.exported.object, iid, wanted.references, owner);
    return { hresult: reference === null ? E_NOINTERFACE : S_OK, reference };
  });
  const failed = results.filter((one) => one.reference === null).length;
  return { hresult: queried(failed, results.length), out: writeQueryResults(results) };
}

function queried(failed: number, all: number): number {
  if (failed === 0) return S_OK;
  return failed === all ? E_NOINTERFACE : S_FALSE;
}

function query2(wanted: Query | null, references: References, owner: string): Outcome {
  const entry = references.table.find(wanted?.ipid ?? '');
  const results = (wanted?.iids ?? []).map((iid) => {
    const reference = entry === undefined ? null : references.reference(entry.exported.object, iid, owner);
    return { hresult: reference === null ? E_NOINTERFACE : S_OK, reference };
  });
  return { hresult: S_OK, out: writeQueryResults2(results) };
}
