import type { ErrorName, Specification } from '../../src/ndr/types.js';
import { causes } from './causes.js';
import { hresults } from './hresults.js';
import { nca, winInet } from './nca.js';
import { win32 } from './win32.js';
import { windowsUpdate } from './windows-update.js';

const told = new Map(causes.map(([value, meaning, cause]) => [value, { meaning, cause: cause === '' ? null : cause }]));

function named(spec: string, rows: readonly (readonly [value: number, name: string])[]): readonly ErrorName[] {
  return rows.map(([value, name]) => ({ value, name, spec, meaning: told.get(value)?.meaning ?? null, cause: told.get(value)?.cause ?? null }));
}

/** HRESULT_FROM_WIN32 of the codes that have a cause of their own but no HRESULT name. */
function fromWin32(): readonly ErrorName[] {
  const names = new Map([...win32, ...winInet]);
  const known = new Set([...hresults, ...windowsUpdate].map(([value]) => value));
  return causes.filter(([value]) => value >>> 16 === 0x8007 && !known.has(value)).map(([value, meaning, cause]) => ({
    value, name: `HRESULT_FROM_WIN32(${names.get(value & 0xffff) ?? value & 0xffff})`, spec: 'MS-ERREF', meaning, cause: cause === '' ? null : cause,
  }));
}

/** Names of HRESULTs and statuses, with causes for those people meet. */
export const errors: Specification = {
  name: 'errors', title: 'Error names', types: [], interfaces: [], classes: [],
  errors: [...named('MS-UAMG', windowsUpdate), ...named('MS-ERREF', [[0, 'S_OK'], [1, 'S_FALSE']]), ...named('MS-ERREF', hresults), ...fromWin32(), ...named('C706', nca)],
};

/** Win32 codes: what a fault PDU of Windows carries, and the low half of 0x8007xxxx. */
export const win32Errors: readonly ErrorName[] = [...named('MS-ERREF', win32), ...named('SDK', winInet)];
