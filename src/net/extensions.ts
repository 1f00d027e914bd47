/** The fragment header of IPv6 (RFC 8200 4.5). */
export const FRAGMENT = 44;
const AUTHENTICATION = 51;

/** Bytes of an extension header whose length field is `length` (RFC 8200 4, RFC 4302 2.2). */
export function extensionSize(protocol: number, length: number): number {
  if (protocol === FRAGMENT) return 8;
  return protocol === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
}

/** Headers of the common shape (RFC 6564) and the two that differ: fragment and authentication. */
export function isExtension(protocol: number): boolean {
  switch (protocol) {
    case 0:
    case 43:
    case FRAGMENT:
    case AUTHENTICATION:
    case 60:
    case 135:
    case 139:
    case 140:
      return true;
    default:
      return false;
  }
}
