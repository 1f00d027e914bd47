import type { ErrorName, Specification } from '../../src/ndr/types.js';
import { bindReasons, contextReasons } from './bind.js';
import { hresults, sdkHresults } from './hresults.js';
import { installing } from './installing.js';
import { nca } from './nca.js';
import { ntstatus } from './ntstatus.js';
import { errorNames } from './rows.js';
import { sdkWin32, win32 } from './win32.js';
import { windowsUpdate } from './windows-update.js';

/**
 * Names of HRESULTs and statuses, with causes for those people meet. Where two names share a value, the first is shown.
 */
export const errors: Specification = {
  name: 'errors',
  title: 'Error names',
  types: [],
  interfaces: [],
  classes: [],
  errors: [
    ...errorNames('SDK', windowsUpdate),
    ...errorNames('MS-ERREF', hresults),
    ...errorNames('SDK', sdkHresults),
    ...errorNames('SDK', installing),
    ...errorNames('C706', nca),
    ...errorNames('MS-ERREF', ntstatus),
  ],
};

/** Win32 codes: what a fault PDU of Windows carries, and the low half of 0x8007xxxx. */
export const win32Errors: readonly ErrorName[] = [...errorNames('MS-ERREF', win32), ...errorNames('SDK', sdkWin32)];

/**
 * Reasons for which a server refuses a bind or one of its contexts: known by name only, since their numbers mean other
 * things elsewhere.
 */
export const bindErrors: readonly ErrorName[] = [
  ...errorNames('C706', contextReasons),
  ...errorNames('C706', bindReasons),
];
