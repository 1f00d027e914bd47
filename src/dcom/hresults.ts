/** HRESULTs that the mechanism gives or looks for ([MS-ERREF] 2.1.1), unsigned. */

export const S_OK = 0;
export const S_FALSE = 1;
export const E_NOTIMPL = 0x80004001;
export const E_NOINTERFACE = 0x80004002;
export const E_OUTOFMEMORY = 0x8007000e;
export const E_INVALIDARG = 0x80070057;
export const E_ACCESSDENIED = 0x80070005;
export const DISP_E_MEMBERNOTFOUND = 0x80020003;
export const DISP_E_PARAMNOTFOUND = 0x80020004;
export const DISP_E_TYPEMISMATCH = 0x80020005;
export const DISP_E_UNKNOWNNAME = 0x80020006;
export const DISP_E_EXCEPTION = 0x80020009;
export const DISP_E_BADINDEX = 0x8002000b;
export const DISP_E_BADPARAMCOUNT = 0x8002000e;
export const REGDB_E_CLASSNOTREG = 0x80040154;
export const RPC_E_DISCONNECTED = 0x80010108;
