import type { Codec } from '../ndr/codec.js';
import type { ActivationCodecs } from './activation.js';
import { CLSID } from './names.js';

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

/** Whether what a CLSID unmarshals is activation properties. */
export function isActivation(clsid: unknown): boolean {
  return clsid === CLSID.ActivationPropertiesIn || clsid === CLSID.ActivationPropertiesOut;
}
