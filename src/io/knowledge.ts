import type { Readable } from 'node:stream';
import { activationHeader, activationProperties, specifications, valueTransforms } from '../../dissectors/index.js';
import { makeRegistry } from '../analysis/registry.js';
import { dualStringTransform } from '../dcom/dualstring.js';
import { makeObjref } from '../dcom/objref.js';
import type { Codec, Encoding, Registry } from '../ndr/codec.js';
import { pickle } from '../ndr/describe.js';
import type { Names } from '../output/names.js';
import type { Batch } from './decode.js';
import { openCapture } from './files.js';

/** Everything a command may ask for, made ready once. */
export interface Knowledge {
  readonly registry: Registry;
  readonly names: Names;
  /** What a number, name or GUID means, as lines for people; null when nobody knows. */
  explain(text: string): readonly string[] | null;
  /** Opens a capture; `-` is `stdin`. @throws UsageError when it cannot be read at all. */
  open(path: string, framesBefore: number, stdin: Readable): AsyncIterable<Batch>;
}

/** Activation properties are pickled little-endian NDR20 whatever the call is ([MS-DCOM] 2.2.22). */
const PICKLED: Encoding = { littleEndian: true, syntax: 'ndr20' };

/** The tables of dissectors/, ready for use. */
export function knowledge(): Knowledge {
  const names = errorNames();
  const registry = makeRegistry(specifications, {
    nameOfStatus: (value) => names.hresult(value) ?? names.status(value),
    transforms: (type) => {
      const properties = new Map<string, Codec>();
      return {
        objref: makeObjref({
          header: () => type(activationHeader, PICKLED),
          property: (clsid) => {
            const known = properties.get(clsid);
            if (known !== undefined) return known;
            const struct = Object.hasOwn(activationProperties, clsid) ? activationProperties[clsid] : undefined;
            if (struct === undefined) return null;
            const codec = type(pickle(struct), PICKLED);
            properties.set(clsid, codec);
            return codec;
          },
        }),
        values: { ...valueTransforms, dualstring: dualStringTransform },
      };
    },
  });
  return { registry, names, explain: () => null, open: openCapture };
}

function errorNames(): Names {
  const byValue = new Map<number, string>();
  for (const specification of specifications) for (const { value, name } of specification.errors) if (!byValue.has(value)) byValue.set(value, name);
  const name = (value: number): string | null => byValue.get(value >>> 0) ?? (value === 0 ? 'S_OK' : null);
  return { hresult: name, status: name };
}
