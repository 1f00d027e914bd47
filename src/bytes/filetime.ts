/** 1970-01-01 as a FILETIME ([MS-DTYP] 2.3.3): steps of 100 ns since 1601-01-01. */
export const FILETIME_EPOCH = 116_444_736_000_000_000n;
