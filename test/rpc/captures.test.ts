import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../src/types.js';
import { CAPTURES, observeCapture, type Seen } from './support.js';

function outcomes(seen: Seen): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const exchange of seen.exchanges) counts[exchange.outcome] = (counts[exchange.outcome] ?? 0) + 1;
  return counts;
}

function complete(exchange: Exchange): boolean {
  return exchange.request?.complete === true && exchange.response?.complete === true;
}

describe.skipIf(CAPTURES === null)('real captures', () => {
  it('mmc20-application: every request has its response', () => {
    const seen = observeCapture('mmc20-application.pcap');
    // 15 of them over a named pipe.
    expect(outcomes(seen)).toEqual({ answered: 230 });
    expect(seen.exchanges.filter((exchange) => exchange.flow.pipe?.name === '\\pipe\\samr').length).toBe(15);
    expect(seen.exchanges.every(complete)).toBe(true);
    expect(seen.problems).toEqual([]);
    expect(seen.exchanges.flatMap((exchange) => exchange.problems)).toEqual([]);
    expect(seen.exchanges.every((exchange) => exchange.context !== null)).toBe(true);
    expect(seen.binds.filter((bind) => bind.alter).length).toBe(11);
    // Seven requests carry verification trailers; the third names interface and syntax with one command, the second
    // two.
    expect(
      seen.exchanges.flatMap(
        (exchange) => exchange.request?.verification?.commands.map((command) => command.command).join('+') ?? [],
      ),
    ).toEqual(['pcontext', 'bitmask1+pcontext', 'pcontext', 'bitmask1', 'pcontext', 'pcontext', 'pcontext']);
    expect(new Set(seen.exchanges.map((exchange) => exchange.requestAuth?.type ?? null))).toEqual(
      new Set([null, 'spnego', 'ntlm']),
    );
    expect(seen.binds.some((bind) => bind.features === 3)).toBe(true);
  });

  it('opc-da-midstream: no bind, callbacks from the server', () => {
    const seen = observeCapture('opc-da-midstream.pcap');
    expect(outcomes(seen)).toEqual({ answered: 37 });
    expect(seen.binds.every((bind) => bind.alter)).toBe(true);
    expect(seen.exchanges.some((exchange) => exchange.context === null)).toBe(true);
    expect(seen.exchanges.flatMap((exchange) => exchange.problems)).toEqual([]);
  });

  it('vlan-ndr64-fragmented: NDR64 chosen, fragments joined', () => {
    const seen = observeCapture('vlan-ndr64-fragmented.pcap');
    expect(outcomes(seen)).toEqual({ answered: 22 });
    expect(seen.exchanges.filter((exchange) => exchange.context?.transfer === 'ndr64').length).toBe(21);
    expect(
      seen.exchanges.some((exchange) => (exchange.request?.fragments ?? 0) > 1 && exchange.request?.complete === true),
    ).toBe(true);
  });

  it('ncacn-np-smb: twenty opens of one pipe, each an association of its own', () => {
    const seen = observeCapture('ncacn-np-smb.pcap');
    expect(outcomes(seen)).toEqual({ answered: 102 });
    expect(seen.exchanges.every(complete)).toBe(true);
    expect(new Set(seen.exchanges.map(({ flow }) => flow.pipe?.name))).toEqual(new Set(['\\pipe\\samr']));
    expect([seen.observer.counts.associations, seen.observer.counts.pdus, seen.problems]).toEqual([20, 264, []]);
  });

  it('dcerpc-gap: what is there is found, behind the hole too', () => {
    const seen = observeCapture('dcerpc-gap.pcap');
    expect(seen.binds.map((bind) => [bind.outcome, bind.alter])).toEqual([['accepted', false]]);
    // The request of call 2 lies behind the hole, its fault before: they are paired all the same.
    expect(seen.exchanges.map((exchange) => [exchange.callId, exchange.outcome])).toEqual([
      [2, 'faulted'],
      [3, 'unanswered'],
    ]);
  });

  it('privacy: sealed and told so, 33,592 bytes in six fragments', () => {
    const fragmented = observeCapture('ntlm-privacy-fragmented.pcapng');
    expect(outcomes(fragmented)).toEqual({ answered: 4, faulted: 1 });
    expect(fragmented.exchanges.find((exchange) => exchange.fault !== null)?.fault?.status).toBe(0x1c010002);
    const big = fragmented.exchanges.find((exchange) => (exchange.response?.fragments ?? 0) > 1)?.response;
    expect([big?.fragments, (big?.end ?? 0) - (big?.start ?? 0), big?.sealed, big?.complete]).toEqual([
      6,
      33_592,
      true,
      true,
    ]);
    for (const name of ['kerberos-privacy.pcapng', 'ntlmv2-privacy-password-clem.pcapng', 'dcerpc-auth3.pcap']) {
      expect(
        observeCapture(name).exchanges.some(
          (exchange) => exchange.request?.sealed === true && exchange.requestAuth?.verdict === 'sealed',
        ),
        name,
      ).toBe(true);
    }
    const readable = observeCapture('ntlmv2-connect-cleartext-twin.pcapng');
    expect(readable.exchanges.map((exchange) => [exchange.request?.sealed, exchange.requestAuth])).toEqual(
      Array.from({ length: 3 }, () => [
        false,
        { type: 'ntlm', level: 'connect', verdict: 'none', contextId: expect.any(Number) },
      ]),
    );
  });
});
