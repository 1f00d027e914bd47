import { spanOf } from '../../src/bytes/block.js';
import { EncodeError, type Encoding, type Fields, type Registry } from '../../src/ndr/codec.js';
import type { Value } from '../../src/types.js';

/** What a stub is of. */
export interface StubForm {
  readonly uuid: string;
  readonly opnum: number | null;
  readonly encoding: Encoding;
}

/**
 * A request with its values changed and everything else as it was; what no table reads, and what cannot be encoded,
 * stays. `change` gets all parameters, with ORPCTHIS under `orpcthis`.
 */
export function changedRequest(
  registry: Registry,
  { uuid, opnum, encoding }: StubForm,
  stub: Uint8Array,
  change: (fields: Fields) => Fields,
): Uint8Array {
  const codec = opnum === null ? null : registry.method(uuid, opnum, encoding);
  if (codec === null) return stub;
  const { value, header, problems, tape } = codec.request.record(spanOf(stub));
  if (problems.length > 0) return stub;
  return (
    encoded(() => codec.request.encode(change(header === null ? value : { ...value, orpcthis: header }), { tape })) ??
    stub
  );
}

/**
 * The same of a response; `request` are the arguments it answers. `taped` false: it is encoded anew, as another
 * transfer syntax wants it.
 */
export function changedResponse(
  registry: Registry,
  form: StubForm,
  stub: Uint8Array,
  request: { readonly before: Fields | null; readonly after: Fields | null },
  change: (value: Value) => Value,
  other: Encoding = form.encoding,
): Uint8Array {
  const { uuid, opnum, encoding } = form;
  const [before, after] =
    opnum === null ? [null, null] : [registry.method(uuid, opnum, encoding), registry.method(uuid, opnum, other)];
  if (before === null || after === null) return stub;
  const { value, header, result, tape, problems } = before.response.record(spanOf(stub), request.before ?? undefined);
  if (problems.length > 0) return stub;
  const all = change({
    ...value,
    ...(header === null ? {} : { orpcthat: header }),
    ...(result === null ? {} : { return: result }),
  }) as Fields;
  return (
    encoded(() =>
      after.response.encode(all, {
        ...(other.syntax === encoding.syntax ? { tape } : {}),
        ...(request.after === null ? {} : { request: request.after }),
      }),
    ) ?? stub
  );
}

function encoded(encode: () => Uint8Array): Uint8Array | null {
  try {
    return encode();
  } catch (error) {
    if (error instanceof EncodeError) return null;
    throw error;
  }
}
