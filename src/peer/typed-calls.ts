import { LITTLE_ENDIAN } from '../rpc/header.js';
import { spanOf } from '../bytes/block.js';
import { EncodeError, type Decoded, type Fields, type Registry } from '../ndr/codec.js';
import type { Problem, Value } from '../types.js';
import { COM_VERSION, type ComVersion } from '../dcom/version.js';
import type { LinkAnswer, LinkCall, LinkFailure } from './link/client.js';
import { titleOf, type Slot } from './members.js';

/** A call by the names of its parameters. */
interface TypedCall {
  readonly slot: Slot;
  readonly params: Fields;
  readonly object: string | null;
  /** Version of DCOM that it carries; this client's own unless told. */
  readonly version?: ComVersion;
}

/** What became of a typed call; `usage`: it was never made. The return value is not judged. */
export type TypedAnswer =
  | {
      readonly kind: 'response';
      readonly value: Fields;
      readonly result: number;
      readonly problems: readonly Problem[];
    }
  | { readonly kind: 'fault'; readonly status: number; readonly unproved: boolean }
  | { readonly kind: 'failed'; readonly cause: LinkFailure | 'usage'; readonly message: string };

/** Sends a call where it belongs; `heard` is called once. */
export type SendCall = (call: LinkCall, heard: (answer: LinkAnswer) => void) => void;

/** Damage behind which an answer cannot be trusted to be what it seems. */
const FATAL: readonly Problem['code'][] = [
  'ndr-truncated',
  'ndr-bad-conformance',
  'ndr-bad-variance',
  'ndr-bad-discriminant',
  'ndr-limit',
  'ndr-unsupported',
  'ndr-bad-pickle',
];

interface TypedCallsOptions {
  readonly registry: Registry;
  /** Opnums as slots, or as the specification of the interface prints them. */
  readonly numbering: 'wire' | 'printed';
  /** Makes a causality id. */
  readonly guid: () => string;
}

/** Puts calls into bytes by the tables, and reads what is answered. */
export class TypedCalls {
  private readonly options: TypedCallsOptions;

  constructor(options: TypedCallsOptions) {
    this.options = options;
  }

  call(
    { slot, params, object, version = COM_VERSION }: TypedCall,
    send: SendCall,
    done: (answer: TypedAnswer) => void,
  ): void {
    const { registry, numbering, guid } = this.options;
    const { resolved, method } = slot;
    const { uuid, version: interfaceVersion, orpc } = resolved.interface;
    const title = titleOf(slot);
    const codec = registry.method(uuid, method.opnum, { littleEndian: true, syntax: 'ndr20' });
    if (codec === null) {
      done(usage(`nobody knows the parameters of ${title}: call it late bound`));
      return;
    }
    const explicit = (method.params ?? []).some((param) => param.name === 'orpcthis');
    const orpcthis: Value = {
      version: { ...version },
      flags: explicit ? 1 : 0,
      reserved1: 0,
      cid: guid(),
      extensions: null,
    };
    const stub = encoded(title, () => codec.request.encode({ ...params, ...(orpc || explicit ? { orpcthis } : {}) }));
    if ('kind' in stub) {
      done(stub);
      return;
    }
    const opnum = numbering === 'printed' ? method.printedOpnum : method.opnum;
    send(
      { abstract: { uuid, ...interfaceVersion }, transfer: 'ndr20', opnum, object, stub, drep: LITTLE_ENDIAN },
      (answer) => {
        if (answer.kind !== 'response') {
          done(answer);
          return;
        }
        const { littleEndian } = answer.drep;
        const decoder = registry.method(uuid, method.opnum, { littleEndian, syntax: 'ndr20' }) ?? codec;
        done(readAnswer(title, decoder.response.decode(spanOf(answer.stub), params)));
      },
    );
  }
}

function readAnswer(title: string, { value, result, problems }: Decoded): TypedAnswer {
  const fatal = problems.find((problem) => FATAL.includes(problem.code));
  if (fatal !== undefined)
    return { kind: 'failed', cause: 'malformed', message: `the answer to ${title} cannot be read: ${fatal.message}` };
  return { kind: 'response', value, result: typeof result === 'number' ? result >>> 0 : 0, problems };
}

function usage(message: string): TypedAnswer & { readonly kind: 'failed' } {
  return { kind: 'failed', cause: 'usage', message };
}

function encoded(title: string, encode: () => Uint8Array): Uint8Array | (TypedAnswer & { readonly kind: 'failed' }) {
  try {
    return encode();
  } catch (error) {
    if (!(error instanceof EncodeError)) throw error;
    return usage(`${title} cannot be called so: ${error.path}: ${error.message.replace(`${error.path}: `, '')}`);
  }
}
