import { describe, expect, it } from 'vitest';
import { encodeRequest, encodeResponse } from '../../src/rpc/encode.js';
import { alterResp, pattern, windowsAck } from './session.js';
import { observe, Wire } from './support.js';

describe('a bind that was not captured', () => {
  it('leaves the transfer syntax that the server accepted', () => {
    const wire = new Wire();
    const request = encodeRequest({ callId: 2, contextId: 1, opnum: 3, stub: pattern(16) });
    const response = encodeResponse({ callId: 2, contextId: 1, stub: pattern(8) });
    const { exchanges } = observe([
      wire.gap(0, 160),
      wire.chunk(1, windowsAck(1, 'ndr64')),
      wire.chunk(0, request),
      wire.chunk(1, response),
      wire.gap(0, 72),
      wire.chunk(1, alterResp(3)),
      wire.chunk(0, encodeRequest({ callId: 4, contextId: 2, opnum: 3, stub: pattern(16) })),
      wire.chunk(1, encodeResponse({ callId: 4, contextId: 2, stub: pattern(8) })),
    ]);
    expect(exchanges.map(({ callId, context, transfer }) => [callId, context, transfer])).toEqual([
      [2, null, 'ndr64'],
      [4, null, 'ndr20'],
    ]);
  });
});
