import { HEX64_NULL } from '../bytes/hex.js';
import { asList, type Fields } from '../ndr/value.js';
import type { Value } from '../types.js';
import {
  numberOf,
  read,
  textOf,
  type ComplexPingRequest,
  type ComplexPingResponse,
  type SimplePingRequest,
} from './wire.js';

/** The pings of IObjectExporter ([MS-DCOM] 3.1.2.5.1.2, 3.1.2.5.1.3): parameters to what they say, and back. */

/** The SETID of a set that is yet to be made. */
export const NO_SET = HEX64_NULL;

/** A ping to an object resolver. */
export type Ping =
  | { readonly kind: 'simple'; readonly setId: string }
  | {
      readonly kind: 'complex';
      readonly setId: string;
      readonly sequence: number;
      /** OIDs that come into the set, and that leave it. */
      readonly add: readonly string[];
      readonly remove: readonly string[];
    };

export type ComplexPing = Extract<Ping, { kind: 'complex' }>;

/** The parameter of a ComplexPing that counts pings and says nothing else. */
export const PING_COUNTER: keyof ComplexPingRequest = 'SequenceNum';

/** Name of the method that a ping calls. */
export function pingMethod(ping: Ping): 'SimplePing' | 'ComplexPing' {
  return ping.kind === 'simple' ? 'SimplePing' : 'ComplexPing';
}

export function writePing(ping: Ping): Fields {
  if (ping.kind === 'simple') return { pSetId: ping.setId } satisfies SimplePingRequest;
  const { setId, sequence, add, remove } = ping;
  return {
    pSetId: setId,
    SequenceNum: sequence,
    cAddToSet: add.length,
    cDelFromSet: remove.length,
    AddToSet: add.length === 0 ? null : add,
    DelFromSet: remove.length === 0 ? null : remove,
  } satisfies ComplexPingRequest;
}

/** The set of a ping; of a set that is yet to be made {@link NO_SET}. */
export function readSetId(fields: Fields): string | null {
  return textOf(read<SimplePingRequest>(fields).pSetId);
}

export function readComplexPing(request: Fields): ComplexPing {
  const { SequenceNum, AddToSet, DelFromSet } = read<ComplexPingRequest>(request);
  return {
    kind: 'complex',
    setId: readSetId(request) ?? NO_SET,
    sequence: numberOf(SequenceNum, 0),
    add: texts(AddToSet),
    remove: texts(DelFromSet),
  };
}

/** The answer to a ComplexPing; its set is read with {@link readSetId}. */
export function writePingAnswer(setId: string): Fields {
  return { pSetId: setId, pPingBackoffFactor: 0 } satisfies ComplexPingResponse;
}

function texts(value: Value | undefined): readonly string[] {
  return asList(value).filter((one): one is string => typeof one === 'string');
}
