import { spanOf } from '../../src/bytes/block.js';
import { EncodeError, type Encoding, type Registry } from '../../src/ndr/codec.js';
import type { Fields } from '../../src/ndr/value.js';

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
  form: StubForm,
  stub: Uint8Array,
  change: (fields: Fields) => Fields,
): Uint8Array {
  return rewrittenRequest(registry, form, stub, change) ?? stub;
}

/** {@link changedRequest}, or null for what no table reads and what cannot be encoded. */
export function rewrittenRequest(
  registry: Registry,
  { uuid, opnum, encoding }: StubForm,
  stub: Uint8Array,
  change: (fields: Fields) => Fields,
): Uint8Array | null {
  const codec = opnum === null ? null : registry.method(uuid, opnum, encoding);
  if (codec === null) return null;
  const { value, header, problems, tape } = codec.request.record(spanOf(stub));
  if (problems.length > 0) return null;
  return encoded(() =>
    codec.request.encode(change(header === null ? value : { ...value, orpcthis: header }), { tape }),
  );
}

/** How the values of a response are to be changed. */
interface ResponseChange {
  /** Arguments of the request it answers, as they were and as they are. */
  readonly request: { readonly before: Fields | null; readonly after: Fields | null };
  readonly change: (fields: Fields) => Fields;
  /** The encoding of the changed response, where it is another one than before. */
  readonly encoding?: Encoding;
}

/** The same of a response. */
export function changedResponse(
  registry: Registry,
  form: StubForm,
  stub: Uint8Array,
  change: ResponseChange,
): Uint8Array {
  return rewrittenResponse(registry, form, stub, change) ?? stub;
}

/** {@link changedResponse}, or null for what no table reads and what cannot be encoded. */
export function rewrittenResponse(
  registry: Registry,
  form: StubForm,
  stub: Uint8Array,
  { request, change, encoding = form.encoding }: ResponseChange,
): Uint8Array | null {
  const { uuid, opnum } = form;
  if (opnum === null) return null;
  const [before, after] = [registry.method(uuid, opnum, form.encoding), registry.method(uuid, opnum, encoding)];
  if (before === null || after === null) return null;
  const { value, header, result, tape, problems } = before.response.record(spanOf(stub), request.before ?? undefined);
  if (problems.length > 0) return null;
  const changed = change({
    ...value,
    ...(header === null ? {} : { orpcthat: header }),
    ...(result === null ? {} : { return: result }),
  });
  const options = {
    ...(encoding.syntax === form.encoding.syntax ? { tape } : {}),
    ...(request.after === null ? {} : { request: request.after }),
  };
  return encoded(() => after.response.encode(changed, options));
}

function encoded(encode: () => Uint8Array): Uint8Array | null {
  try {
    return encode();
  } catch (error) {
    if (error instanceof EncodeError) return null;
    throw error;
  }
}
