import type { Call, Exchange, Flow, Stub } from '../../src/types.js';
import { spanOf } from '../../src/bytes/block.js';

const flow: Flow = {
  id: 3,
  a: { address: '10.0.0.5', port: 49711 },
  b: { address: '10.0.0.9', port: 49668 },
  opened: 'syn',
};

/** A whole, readable, little-endian stub of these bytes, carried by one frame. */
export function sampleStub(bytes: Uint8Array, frame: number, more: Partial<Stub> = {}): Stub {
  return {
    ...spanOf(bytes),
    drep: { littleEndian: true, ebcdic: false, float: 'ieee' },
    frames: [frame],
    pieces: [{ from: 0, frame }],
    fragments: 1,
    complete: true,
    sealed: false,
    verification: null,
    ...more,
  };
}

/** An answered exchange of two small stubs. */
export function sampleExchange(more: Partial<Exchange> = {}): Exchange {
  return {
    kind: 'exchange',
    flow,
    direction: 0,
    callId: 7,
    contextId: 1,
    opnum: 19,
    object: null,
    context: null,
    request: sampleStub(Uint8Array.of(1, 2, 3), 12),
    response: sampleStub(Uint8Array.of(4, 5), 14),
    fault: null,
    outcome: 'answered',
    requestTime: null,
    responseTime: null,
    requestAuth: null,
    responseAuth: null,
    problems: [],
    ...more,
  };
}

/** The call of the contract's example; `more` replaces fields. */
export function sampleCall(more: Partial<Call> = {}): Call {
  return {
    kind: 'call',
    id: 17,
    time: { timeS: 1_795_176_000, timeNs: 123_456_789 },
    latencyNs: 1_834_000,
    client: flow.a,
    server: flow.b,
    flow: 3,
    callId: 7,
    contextId: 1,
    interface: 'IUpdateSearcher',
    iid: '8f45abf1-f9ae-4b95-a933-f0f66e5056ea',
    method: 'Search',
    member: 'method',
    opnum: 19,
    printedOpnum: 20,
    section: '3.38.4.11',
    spec: 'MS-UAMG',
    binding: 'early',
    dispid: null,
    via: null,
    certainty: 'known',
    because: null,
    object: {
      ipid: '0000a001-0b0c-0000-aaaa-000000000001',
      oid: '0x00000000000000a1',
      oxid: '0x00000000000000b1',
      label: 'IUpdateSearcher#2',
    },
    causality: '11111111-2222-3333-4444-555555555555',
    decoded: true,
    in: { criteria: 'IsInstalled=0' },
    out: {
      retval: {
        iid: 'd40cff62-e08c-4498-941a-01e25f0fd33c',
        kind: 'standard',
        flags: 0,
        cPublicRefs: 5,
        oxid: '0x00000000000000b1',
        oid: '0x00000000000000a2',
        ipid: '0000a002-0b0c-0000-aaaa-000000000001',
        interface: 'ISearchResult',
        label: 'ISearchResult#1',
      },
    },
    hresult: 0,
    wrapped: null,
    exception: null,
    refused: null,
    callbacks: [],
    group: null,
    fault: null,
    auth: { type: 'ntlm', level: 'integrity', verdict: 'unverified', contextId: 79231 },
    requestFrames: [12],
    responseFrames: [14, 15],
    problems: [],
    outcome: 'answered',
    exchange: sampleExchange(),
    ...more,
  };
}

/** A few names, enough for tests. */
export const sampleNames = {
  hresult: (value: number): string | null =>
    ({ 0: 'S_OK', 0x80240007: 'WU_E_INVALIDINDEX', 0x80004005: 'E_FAIL' })[value] ?? null,
  status: (value: number): string | null => (value === 0x1c010002 ? 'nca_s_op_rng_error' : null),
};
