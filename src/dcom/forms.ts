import type { Codec } from '../ndr/codec.js';
import type { ActivationCodecs } from './activation.js';

/** `MEOW`, the first four bytes. */
export const SIGNATURE = 0x574f454d;
/** Of an OBJREF_EXTENDED, twice. */
export const EXTENDED_SIGNATURE = 0x4e535956;
export const STANDARD = 1;
export const HANDLER = 2;
export const CUSTOM = 4;
export const EXTENDED = 8;
/** Bytes of the header, and of a STDOBJREF. */
export const HEADER_SIZE = 24;
export const STD_SIZE = 40;

export interface ObjrefOptions extends ActivationCodecs {
  /**
   * Codec of what an OBJREF_CUSTOM with an unmarshaler CLSID holds, its single field `value`; null for what stays
   * bytes. Asked for all CLSIDs but those of activation properties.
   */
  readonly custom?: (clsid: string) => Codec | null;
}
