import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { fromHex, toHex } from '../../src/bytes/hex.js';
import {
  encodeAlterContextResp,
  encodeAuth3,
  encodeBare,
  encodeBind,
  encodeBindAck,
  encodeBindNak,
  encodeFault,
  encodeRequest,
  encodeRequestFragments,
  encodeResponse,
  encodeResponseFragments,
} from '../../src/rpc/encode.js';
import { PFC } from '../../src/rpc/header.js';
import { decodePdu, type Pdu } from '../../src/rpc/pdu.js';
import { featureSyntax, featuresOf, NDR20, NDR64, transferOf } from '../../src/rpc/syntax.js';
import type { Drep } from '../../src/types.js';
import { BIG, hex, pattern, SEARCHER } from './session.js';

function bytes(text: string): Uint8Array {
  return fromHex(text) ?? new Uint8Array(0);
}

function pduOf(u8: Uint8Array): Pdu {
  const { pdu, problems } = decodePdu(spanOf(u8));
  expect(problems).toEqual([]);
  if (pdu === null) throw new Error('no PDU');
  return pdu;
}

describe('PDU decoding, against bytes written out by hand', () => {
  it('reads a bind with two contexts', () => {
    const pdu = pduOf(
      bytes(`
      05 00 0b 03 10000000 7400 0000 02000000  d016 d016 00000000  02 00 0000
      0000 01 00 f1ab458faef9954ba933f0f66e5056ea 00000000 045d888aeb1cc9119fe808002b104860 02000000
      0100 01 00 f1ab458faef9954ba933f0f66e5056ea 00000000 2c1cb76c12984045 0300000000000000 01000000`),
    );
    expect(pdu).toMatchObject({ kind: 'bind', callId: 2, maxXmit: 5840, maxRecv: 5840, assocGroup: 0, auth: null });
    if (pdu.kind !== 'bind') return;
    expect(pdu.contexts.map((context) => [context.id, context.abstract])).toEqual([
      [0, SEARCHER],
      [1, SEARCHER],
    ]);
    expect(pdu.contexts[0]?.transfers).toEqual([NDR20]);
    expect(pdu.contexts[1]?.transfers.map(featuresOf)).toEqual([3]);
  });

  it('reads a big-endian bind_ack with its secondary address', () => {
    const pdu = pduOf(
      bytes(`
      05 00 0c 03 00000000 003c 0000 00000002  16d0 16d0 00001234  0004 31333500 0000
      01 00 0000 0000 0000 8a885d041ceb11c99fe808002b104860 00000002`),
    );
    expect(pdu).toMatchObject({
      kind: 'bind_ack',
      callId: 2,
      assocGroup: 0x1234,
      secondaryAddress: '135',
      results: [{ result: 0, reason: 0, syntax: NDR20 }],
    });
  });

  it('reads a request with object UUID, padding and security trailer', () => {
    const pdu = pduOf(
      bytes(`
      05 00 00 83 10000000 5000 1000 07000000  04000000 0100 1300  f1ab458faef9954ba933f0f66e5056ea
      deadbeef 00000000 00000000 00000000  0a 05 0c 00 00000000
      01000000 1122334455667788 00000000`),
    );
    expect(pdu).toMatchObject({
      kind: 'request',
      callId: 7,
      contextId: 1,
      opnum: 19,
      object: SEARCHER.uuid,
      allocHint: 4,
    });
    if (pdu.kind !== 'request') return;
    expect(hex(pdu.stub)).toBe('deadbeef');
    expect(pdu.auth).toMatchObject({ type: 10, level: 5, padLength: 12, contextId: 0 });
    expect(hex(pdu.auth?.token ?? null)).toBe('01000000112233445566778800000000');
  });

  it('reads a fault', () => {
    expect(pduOf(bytes('05 00 03 23 10000000 2000 0000 09000000 20000000 0000 00 00 0200011c 00000000'))).toMatchObject(
      { kind: 'fault', callId: 9, status: 0x1c010002, extended: false },
    );
  });

  it('reads a bind_nak with versions and extended error information', () => {
    const pdu = pduOf(
      encodeBindNak({
        callId: 1,
        reason: 4,
        versions: [
          { major: 5, minor: 0 },
          { major: 5, minor: 1 },
        ],
        extended: pattern(24),
      }),
    );
    expect(pdu).toMatchObject({
      kind: 'bind_nak',
      reason: 4,
      versions: [
        { major: 5, minor: 0 },
        { major: 5, minor: 1 },
      ],
    });
    if (pdu.kind === 'bind_nak') expect(hex(pdu.extended)).toBe(toHex(pattern(24)));
    expect(pduOf(bytes('05 00 0d 03 10000000 1700 0000 01000000 0400 02 0500 0501'))).toMatchObject({
      reason: 4,
      extended: null,
    });
  });

  it('names PDUs of the connectionless protocol and versions it does not know', () => {
    expect(
      decodePdu(spanOf(bytes('04 00 08 00 10000000' + '00'.repeat(72)))).problems.map((problem) => problem.code),
    ).toEqual(['rpc-connectionless']);
    const other = decodePdu(spanOf(bytes('05 07 11 03 10000000 1000 0000 01000000')));
    expect(other.problems.map((problem) => problem.code)).toEqual(['rpc-unsupported-version']);
    expect(other.pdu?.kind).toBe('shutdown');
  });

  it('says what is wrong with a security trailer and keeps the stub', () => {
    const good = encodeRequest({
      callId: 1,
      contextId: 0,
      opnum: 3,
      stub: pattern(8),
      auth: { type: 10, level: 5, contextId: 0, token: pattern(16) },
    });
    const pad = good.slice();
    pad[good.length - 16 - 6] = 200;
    const wrong = decodePdu(spanOf(pad));
    expect(wrong.problems.map((problem) => problem.code)).toEqual(['rpc-bad-auth-trailer']);
    expect(wrong.pdu?.kind === 'request' && wrong.pdu.stub.end - wrong.pdu.stub.start).toBe(16);
    const long = good.slice();
    new DataView(long.buffer).setUint16(10, 60_000, true);
    expect(decodePdu(spanOf(long)).problems.map((problem) => problem.code)).toEqual(['rpc-bad-auth-trailer']);
  });
});

const drep: fc.Arbitrary<Drep> = fc.record({
  littleEndian: fc.boolean(),
  ebcdic: fc.boolean(),
  float: fc.constantFrom('ieee', 'vax', 'cray', 'ibm'),
});
const auth = fc.option(
  fc.record({
    type: fc.constantFrom(9, 10, 14, 16, 0x44),
    level: fc.integer({ min: 2, max: 6 }),
    contextId: fc.nat(),
    token: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    align: fc.constantFrom(4, 16),
  }),
);
const common = fc.record({ callId: fc.nat(), drep, auth });
const uuid = fc.uuid();
const syntax = fc.record({ uuid, major: fc.nat(0xffff), minor: fc.nat(0xffff) });
const stub = fc.uint8Array({ maxLength: 300 });

describe('PDU encoding', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(
        common,
        fc.nat(0xffff),
        fc.nat(0xffff),
        fc.option(uuid),
        stub,
        (base, contextId, opnum, object, body) => {
          const request = pduOf(encodeRequest({ ...base, contextId, opnum, object, stub: body }));
          expect(request).toMatchObject({
            kind: 'request',
            callId: base.callId,
            contextId,
            opnum,
            object,
            drep: base.drep,
            allocHint: body.length,
          });
          if (request.kind === 'request') expect(hex(request.stub)).toBe(toHex(body));
          expect(hex(request.auth?.token ?? null)).toBe(base.auth === null ? null : toHex(base.auth.token));
          const response = pduOf(encodeResponse({ ...base, contextId, stub: body, cancelCount: 3 }));
          expect(response).toMatchObject({ kind: 'response', callId: base.callId, contextId, cancelCount: 3 });
          if (response.kind === 'response') expect(hex(response.stub)).toBe(toHex(body));
          expect(pduOf(encodeFault({ ...base, contextId, status: 0x1c010003, extended: body }))).toMatchObject({
            kind: 'fault',
            status: 0x1c010003,
            contextId,
            extended: true,
          });
        },
      ),
    );
  });

  it('is read back for binds and their answers', () => {
    const contexts = fc.array(
      fc.record({ id: fc.nat(0xffff), abstract: syntax, transfers: fc.array(syntax, { maxLength: 4 }) }),
      { maxLength: 6 },
    );
    const results = fc.array(fc.record({ result: fc.nat(3), reason: fc.nat(0xffff), syntax }), { maxLength: 6 });
    fc.assert(
      fc.property(
        common,
        contexts,
        results,
        fc.nat(0xffff),
        fc.nat(),
        fc.stringMatching(/^[0-9a-zA-Z\\]{0,20}$/),
        (base, offered, answers, max, group, address) => {
          expect(
            pduOf(encodeBind({ ...base, contexts: offered, maxXmit: max, maxRecv: max, assocGroup: group })),
          ).toMatchObject({ kind: 'bind', contexts: offered, maxXmit: max, assocGroup: group });
          const ack = { ...base, results: answers, secondaryAddress: address, assocGroup: group };
          expect(pduOf(encodeBindAck(ack))).toMatchObject({
            kind: 'bind_ack',
            results: answers,
            secondaryAddress: address,
            assocGroup: group,
          });
          expect(pduOf(encodeAlterContextResp(ack))).toMatchObject({ kind: 'alter_context_resp', results: answers });
        },
      ),
    );
  });

  it('is read back for the small ones', () => {
    for (const type of ['shutdown', 'co_cancel', 'orphaned'] as const)
      expect(pduOf(encodeBare(type, { callId: 5 })).kind).toBe(type);
    expect(
      pduOf(encodeAuth3({ callId: 5, auth: { type: 10, level: 6, contextId: 1, token: pattern(300) } })),
    ).toMatchObject({ kind: 'auth3', auth: { type: 10, level: 6, contextId: 1, padLength: 0 } });
  });

  it('cuts long stubs into fragments the peer can take', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 5000 }),
        fc.integer({ min: 128, max: 3000 }),
        auth,
        (body, most, protection) => {
          for (const pdus of [
            encodeRequestFragments(
              { callId: 1, contextId: 0, opnum: 1, object: SEARCHER.uuid, stub: body, auth: protection },
              most + 120,
            ),
            encodeResponseFragments({ callId: 1, contextId: 0, stub: body, auth: protection }, most + 120),
          ]) {
            const decoded = pdus.map(pduOf);
            expect(decoded.map((pdu) => ('stub' in pdu ? hex(pdu.stub) : '')).join('')).toBe(toHex(body));
            expect(pdus.every((pdu) => pdu.length <= most + 120)).toBe(true);
            expect(decoded.map((pdu) => pdu.flags & 3)).toEqual(
              decoded.map((_, i) => (i === 0 ? PFC.first : 0) | (i === decoded.length - 1 ? PFC.last : 0)),
            );
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('refuses a PDU that frag_length cannot describe', () => {
    expect(() => encodeRequest({ callId: 1, contextId: 0, opnum: 0, stub: new Uint8Array(65_520) })).toThrow(
      RangeError,
    );
  });

  it('keeps big-endian headers big-endian', () => {
    expect(toHex(encodeBare('orphaned', { callId: 0x01020304, drep: BIG }))).toBe('05001303000000000010000001020304');
  });
});

describe('transfer syntaxes', () => {
  it('tells NDR, NDR64 and feature negotiation apart', () => {
    expect([NDR20, NDR64, featureSyntax(3)].map(transferOf)).toEqual(['ndr20', 'ndr64', null]);
    expect([NDR20, featureSyntax(0), featureSyntax(0x0103)].map(featuresOf)).toEqual([-1, 0, 0x0103]);
    expect(featureSyntax(3).uuid).toBe('6cb71c2c-9812-4540-0300-000000000000');
  });
});

describe('hostile PDUs', () => {
  it('never throw, whatever follows a header', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.uint8Array({ maxLength: 200 }),
        fc.nat(0xffff),
        fc.nat(255),
        (ptype, body, authLength, flags) => {
          const u8 = new Uint8Array(16 + body.length);
          u8.set([
            5,
            0,
            ptype,
            flags,
            0x10,
            0,
            0,
            0,
            u8.length & 0xff,
            u8.length >> 8,
            authLength & 0xff,
            authLength >> 8,
          ]);
          u8.set(body, 16);
          const { pdu } = decodePdu(spanOf(u8));
          if (pdu !== null && 'stub' in pdu) expect(pdu.stub.end - pdu.stub.start).toBeLessThanOrEqual(u8.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});
