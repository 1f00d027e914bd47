/** Facilities of [MS-ERREF] 2.1: which part of Windows a code comes from. */
const FACILITIES: Readonly<Record<number, string>> = {
  0: 'FACILITY_NULL',
  1: 'FACILITY_RPC',
  2: 'FACILITY_DISPATCH',
  3: 'FACILITY_STORAGE',
  4: 'FACILITY_ITF',
  7: 'FACILITY_WIN32',
  8: 'FACILITY_WINDOWS',
  9: 'FACILITY_SECURITY',
  10: 'FACILITY_CONTROL',
  11: 'FACILITY_CERT',
  12: 'FACILITY_INTERNET',
  13: 'FACILITY_MEDIASERVER',
  14: 'FACILITY_MSMQ',
  15: 'FACILITY_SETUPAPI',
  16: 'FACILITY_SCARD',
  17: 'FACILITY_COMPLUS',
  18: 'FACILITY_AAF',
  19: 'FACILITY_URT',
  20: 'FACILITY_ACS',
  21: 'FACILITY_DPLAY',
  22: 'FACILITY_UMI',
  23: 'FACILITY_SXS',
  24: 'FACILITY_WINDOWS_CE',
  25: 'FACILITY_HTTP',
  26: 'FACILITY_USERMODE_COMMONLOG',
  31: 'FACILITY_USERMODE_FILTER_MANAGER',
  32: 'FACILITY_BACKGROUNDCOPY',
  33: 'FACILITY_CONFIGURATION',
  34: 'FACILITY_STATE_MANAGEMENT',
  35: 'FACILITY_METADIRECTORY',
  36: 'FACILITY_WINDOWSUPDATE',
  37: 'FACILITY_DIRECTORYSERVICE',
  38: 'FACILITY_GRAPHICS',
  39: 'FACILITY_SHELL',
  40: 'FACILITY_TPM_SERVICES',
  41: 'FACILITY_TPM_SOFTWARE',
  48: 'FACILITY_PLA',
  49: 'FACILITY_FVE',
  50: 'FACILITY_FWP',
  51: 'FACILITY_WINRM',
  52: 'FACILITY_NDIS',
  53: 'FACILITY_USERMODE_HYPERVISOR',
  54: 'FACILITY_CMI',
  55: 'FACILITY_USERMODE_VIRTUALIZATION',
  56: 'FACILITY_USERMODE_VOLMGR',
  57: 'FACILITY_BCD',
  58: 'FACILITY_USERMODE_VHD',
  60: 'FACILITY_SDIAG',
  61: 'FACILITY_WEBSERVICES',
  80: 'FACILITY_WINDOWS_DEFENDER',
  81: 'FACILITY_OPC',
};

/** The parts of an HRESULT ([MS-ERREF] 2.1). */
export interface HresultParts {
  readonly failure: boolean;
  /** C bit: the code is of somebody other than Microsoft. */
  readonly customer: boolean;
  /** N bit: the rest is an NTSTATUS. */
  readonly ntstatus: boolean;
  /** Name of the facility, or `facility N`. */
  readonly facility: string;
  readonly code: number;
}

/** Takes a value apart as an HRESULT, whether or not it is one. */
export function hresultParts(value: number): HresultParts {
  const facility = (value >>> 16) & 0x7ff;
  return {
    failure: value >>> 31 === 1,
    customer: (value & 0x2000_0000) !== 0,
    ntstatus: (value & 0x1000_0000) !== 0,
    facility: FACILITIES[facility] ?? `facility ${facility}`,
    code: value & 0xffff,
  };
}

/** R set and N clear: no HRESULT has that, every NTSTATUS of a warning's or error's severity does ([MS-ERREF] 2.3). */
export function looksLikeNtstatus(value: number): boolean {
  return (value & 0x5000_0000) === 0x4000_0000;
}
