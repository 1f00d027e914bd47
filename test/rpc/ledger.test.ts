import { describe, expect, it } from 'vitest';
import { Ledger, type PendingOwner } from '../../src/rpc/ledger.js';
import { RPC_LIMITS } from '../../src/rpc/limits.js';

const owner: PendingOwner = {
  flow: { id: 1, a: { address: '192.0.2.5', port: 49_152 }, b: { address: '192.0.2.9', port: 49_668 }, opened: 'syn' },
  remove: () => undefined,
};

describe('pending calls', () => {
  it('name no other call once they are over: a chain of dead calls would keep the memory of all that came after', () => {
    const ledger = new Ledger(RPC_LIMITS, null);
    const calls = [1, 2, 3, 4].map((id) => ledger.open(owner, 0, id));
    for (const at of [1, 3, 0, 2]) {
      const call = calls[at];
      if (call === undefined) throw new Error('no call');
      ledger.close(call, 'answered', null, null, null);
      expect([call.previous, call.next]).toEqual([null, null]);
    }
    expect(ledger.load.pendingCalls).toBe(0);
    expect(ledger.out.map((one) => one.kind === 'exchange' && one.callId)).toEqual([2, 4, 1, 3]);
  });
});
