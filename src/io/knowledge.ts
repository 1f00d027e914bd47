import {
  activationAlternates,
  activationHeader,
  activationProperties,
  bindErrors,
  customObjects,
  specifications as tables,
  valueTransforms,
  win32Errors,
} from '../../dissectors/index.js';
import { Explainer, explanationLines } from '../analysis/explain.js';
import { makeRegistry } from '../analysis/registry.js';
import { dualStringTransform } from '../dcom/bindings.js';
import { makeObjref } from '../dcom/objref.js';
import { hex32 } from '../bytes/hex.js';
import type { Codec, Registry } from '../ndr/codec.js';
import { dateText, dateValue, scaledText, scaledValue } from '../ndr/text.js';
import { suggest } from '../bytes/suggest.js';
import type { Knowledge } from '../pipeline/knowledge.js';
import { openCapture } from './files.js';
import { compileAll, withIdl, type IdlFlags } from './idl.js';
import { WellKnownNames } from './wellknown.js';

const NDR20 = { littleEndian: true, syntax: 'ndr20' } as const;

/** Puts the tables together, with what `idl` names beside them. @throws UsageError for IDL that cannot be read */
export function knowledge({ idl = [], idlPath = [] }: IdlFlags = {}): Knowledge {
  const specifications = idl.length === 0 ? tables : withIdl(tables, idl, idlPath);
  const wellKnown = new WellKnownNames();
  const explainer = new Explainer(specifications, win32Errors, bindErrors, () => wellKnown.table);
  const registry = makeRegistry(specifications, {
    names: wellKnown,
    nameOfStatus: (value) => explainer.hresult(value) ?? explainer.status(value),
    transforms: (type) => ({
      objref: makeObjref({
        header: () => type(activationHeader, NDR20),
        property: (clsid) => codecOf(type, activationProperties[clsid]),
        alternate: (clsid) => codecOf(type, activationAlternates[clsid]),
        custom: (clsid) => {
          const known = customObjects[clsid];
          return known === undefined ? null : type(known, NDR20);
        },
      }),
      values: { ...valueTransforms({ dateText, dateValue, scaledText, scaledValue }), dualstring: dualStringTransform },
    }),
  });
  compileAll(registry, specifications.slice(tables.length));
  return {
    registry,
    names: explainer,
    explain(text) {
      const found = explainer.explain(text);
      return found.length === 0 ? null : found.flatMap(explanationLines);
    },
    words(value) {
      const [found] = explainer.explain(hex32(value));
      return found?.kind === 'code' ? found : null;
    },
    near: (text) =>
      [
        ...new Set([
          ...explainer.suggestions(text),
          ...suggest(
            text,
            [...specifications.flatMap((one) => one.errors), ...win32Errors].map((error) => error.name),
          ),
        ]),
      ].slice(0, 3),
    open: openCapture,
  };
}

/** Codec of a serialised activation property. */
function codecOf(type: Registry['type'], property: Property | undefined): Codec | null {
  return property === undefined ? null : type(PICKLED.get(property) ?? pickled(property), NDR20);
}

type Property = (typeof activationProperties)[string];

/** One pickle descriptor for each property, so that its codec is compiled once. */
const PICKLED = new Map<Property, { readonly kind: 'pickle'; readonly of: Property }>();

function pickled(of: Property): { readonly kind: 'pickle'; readonly of: Property } {
  const made = { kind: 'pickle', of } as const;
  PICKLED.set(of, made);
  return made;
}
