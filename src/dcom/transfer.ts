import type { Interface } from '../ndr/types.js';
import type { TransferSyntax } from '../types.js';

const NDR_ONLY: readonly TransferSyntax[] = Object.freeze(['ndr20']);
/** The one that servers prefer first: Windows accepts NDR64 where both are proposed. */
const BOTH: readonly TransferSyntax[] = Object.freeze(['ndr64', 'ndr20']);

/**
 * Transfer syntaxes that an interface may be bound with, the preferred one first. What carries ORPCTHIS supports NDR
 * only ([MS-DCOM] 2.2); other RPC interfaces, such as the endpoint mapper's, NDR64 too.
 */
export function transfersOf({ orpc, methods }: Interface): readonly TransferSyntax[] {
  const headed = methods.some((method) => method.params?.some((param) => param.name === 'orpcthis') === true);
  return orpc || headed ? NDR_ONLY : BOTH;
}
