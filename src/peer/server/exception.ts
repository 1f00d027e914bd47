import type { Fields } from '../../types.js';

/** An EXCEPINFO that tells of nothing ([MS-OAUT] 2.2.34). */
export const NO_EXCEPTION: Fields = {
  wCode: 0,
  wReserved: 0,
  bstrSource: null,
  bstrDescription: null,
  bstrHelpFile: null,
  dwHelpContext: 0,
  pvReserved: 0,
  pfnDeferredFillIn: 0,
  scode: 0,
};
