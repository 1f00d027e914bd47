import type { ValueTransform } from '../src/ndr/codec.js';
import type { Specification } from '../src/ndr/types.js';
import { dcom } from './dcom/index.js';
import { errors } from './errors/index.js';
import { epm, towerTransform } from './epm/index.js';
import { customObjects, makeSafearray, makeVariant, oaut, type NumberTexts } from './oaut/index.js';
import { opc } from './opc/index.js';
import { uamg } from './uamg/index.js';

export { bindErrors, win32Errors } from './errors/index.js';
export { activationAlternates, activationHeader, activationProperties } from './dcom/index.js';

/** Everything that is known, in the order in which names are looked up. */
export const specifications: readonly Specification[] = [epm, dcom, oaut, uamg, opc, errors];

/** How wire values of the tables are shown, by the name the tables use. */
export function valueTransforms(texts: NumberTexts): Readonly<Record<string, ValueTransform>> {
  return { variant: makeVariant(texts), safearray: makeSafearray(texts), tower: towerTransform };
}

export { customObjects };
