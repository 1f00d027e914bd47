import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { updateAgent } from '../../../replay/agent/agent.js';
import { readActivated, writeActivation } from '../../../src/dcom/activation-properties.js';
import { spanOf } from '../../../src/bytes/block.js';
import { LISTEN_LIMITS } from '../../../src/io/serve/listener.js';
import type { Encoding, Fields } from '../../../src/ndr/codec.js';
import { ClientLink, type LinkAnswer } from '../../../src/peer/link/client.js';
import { ServerLink } from '../../../src/peer/link/server.js';
import { Exporter } from '../../../src/peer/server/exporter.js';
import { AUTH_TYPE, LEVEL } from '../../../src/rpc/auth.js';
import { LITTLE_ENDIAN } from '../../../src/rpc/header.js';
import { NtlmAcceptor, NtlmInitiator, ntHash, SpnegoAcceptor, SpnegoInitiator } from '../../../src/security/index.js';
import { AUTH_LEVELS, type Value } from '../../../src/types.js';
import { CLASSES, full } from '../../peer/server/support.js';
import { harvest, registry } from '../seeds.js';
import { Choices, law, pieces, type Target } from '../target.js';

const MOST = 4 * 1024;
const users = new Map([['alice', { hash: ntHash('not in any capture') }]]);
const random = (size: number): Uint8Array => new Uint8Array(size).fill(7);
const time = 133_000_000_000_000_000n;

function exporter(): Exporter {
  let made = 0;
  const agent = updateAgent({ model: full, attributes: criteriaAttributes, clock: () => 0 });
  return new Exporter({
    registry,
    classes: agent.classes,
    addresses: ['192.0.2.1'],
    port: 49_668,
    now: () => 0,
    numbering: 'wire',
    minLevel: 5,
    random: (size) => Uint8Array.from({ length: size }, (_, at) => (at < 2 ? (++made >> (8 * at)) & 0xff : at)),
  });
}

const server: Target = {
  name: 'server',
  law: 'any bytes from a client: no exception; before it has signed in nothing is exported, no ping set is kept, no member is called',
  most: MOST,
  seeds: () =>
    harvest()
      .connections.map((chunks) =>
        Buffer.concat(chunks.filter(({ direction }) => direction === 0).map(({ bytes }) => bytes)).subarray(0, 2500),
      )
      .filter((bytes) => bytes[0] === 5)
      .map((bytes) => Uint8Array.of(255, ...bytes)),
  run(bytes) {
    const own = exporter();
    let calls = 0;
    const ntlm = (level: number): NtlmAcceptor =>
      new NtlmAcceptor({ users, server: 'X', random, time, privacy: level === LEVEL.privacy });
    const link = new ServerLink({
      send: (pdu) => law(pdu.length >= 16, () => 'a PDU without a header'),
      close: () => undefined,
      serves: (abstract) => own.serves(abstract),
      handle: (call, answer) => {
        if (call.principal !== null) calls++;
        const given = own.dispatch({
          abstract: call.abstract,
          opnum: call.opnum,
          object: call.object,
          stub: call.stub,
          littleEndian: call.drep.littleEndian,
          syntax: call.transfer,
          authLevel: Math.max(1, call.auth === null ? 1 : AUTH_LEVELS.indexOf(call.auth.level)),
          owner: 'x',
          principal: call.principal,
        });
        if (given.kind === 'drop') return;
        answer(given.kind === 'fault' ? given : { kind: 'response', stub: given.stub, drep: call.drep });
      },
      accept: (type, level) =>
        type === AUTH_TYPE.spnego || type === AUTH_TYPE.ntlm
          ? new SpnegoAcceptor({ ntlm: ntlm(level), kerberos: null })
          : null,
      anonymous: true,
      port: '135',
      assocGroup: 1,
      limits: { bytes: LISTEN_LIMITS.requestBytes, calls: LISTEN_LIMITS.requests },
    });
    for (const piece of pieces(bytes.subarray(1), 1 + 16 * (bytes[0] ?? 0))) link.push(piece.slice());
    law(calls === 0, () => 'a call of somebody who signed in without the password');
    law(own.size === 0 && own.pinged === 0, () => `${own.size} objects, ${own.pinged} pinged`);
  },
};

const CLASS_IDS = Object.values(CLASSES) as unknown as readonly [string, ...string[]];
const IIDS = registry.interfaces.map((one) => one.interface.uuid) as unknown as readonly [string, ...string[]];
const HEADER: Value = {
  version: { MajorVersion: 5, MinorVersion: 7 },
  flags: 0,
  reserved1: 0,
  cid: '00000000-0000-0000-0000-000000000001',
  extensions: null,
};

const activator = registry.interfaceByName('IRemoteSCMActivator')?.interface.uuid ?? '';
const little: Encoding = { littleEndian: true, syntax: 'ndr20' };
/** Requests that activate a class, by what they ask for: making one takes a quarter of a run. */
const activations = new Map<string, Uint8Array>();

function activation(clsid: string, iids: readonly string[]): Uint8Array {
  const key = `${clsid} ${iids.join(' ')}`;
  const known = activations.get(key);
  if (known !== undefined) return known.slice();
  const codec = registry.method(activator, 4, little);
  if (codec === null) throw new Error('the tables lack IRemoteSCMActivator');
  const made = codec.request.encode({ ...writeActivation(clsid, iids, true), orpcthis: HEADER });
  activations.set(key, made);
  return made.slice();
}

const exported: Target = {
  name: 'exporter',
  law: 'any calls of somebody who signed in, on the objects handed out: no exception, and every answer decodes without a problem',
  most: 4096,
  seeds: () => {
    const calls = harvest()
      .stubs.filter((stub) => stub.side === 'request')
      .slice(0, 60);
    return calls.map(({ opnum, bytes, encoding }, at) =>
      Uint8Array.of(at, at, opnum, encoding.littleEndian ? 0 : 1, bytes.length & 255, bytes.length >> 8, ...bytes),
    );
  },
  run(bytes) {
    const choices = new Choices(bytes);
    const own = exporter();
    const objects: { readonly ipid: string | null; readonly iid: string }[] = [];
    const call = (iid: string, opnum: number, object: string | null, stub: Uint8Array, encoding: Encoding): Fields => {
      const given = own.dispatch({
        abstract: { uuid: iid, major: 0, minor: 0 },
        opnum,
        object,
        stub,
        ...encoding,
        authLevel: 5,
        owner: 'x',
        principal: 'alice',
      });
      const codec = registry.method(iid, opnum, encoding);
      if (given.kind !== 'response' || codec === null) return {};
      const request = codec.request.decode(spanOf(stub)).value;
      const { value, problems } = codec.response.decode(spanOf(given.stub), request);
      law(problems.length === 0, () => `${iid} opnum ${opnum}: ${JSON.stringify(problems)}`);
      gather(value);
      return value;
    };
    const gather = (value: Value | undefined): void => {
      if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return;
      const record = value as { readonly [name: string]: Value };
      if (typeof record['ipid'] === 'string' && typeof record['iid'] === 'string' && objects.length < 64)
        objects.push({ ipid: record['ipid'], iid: record['iid'] });
      for (const inner of Object.values(record)) gather(inner);
    };
    const clsid = choices.of(CLASS_IDS);
    const [asked, dispatch] = [choices.of(IIDS), '00020400-0000-0000-c000-000000000046'];
    const made = call(activator, 4, null, activation(clsid, [asked, dispatch]), little);
    for (const one of readActivated(made) ?? []) gather(one.reference);
    for (let count = 0; choices.left >= 5 && count < 12; count++) {
      const [which, how] = [choices.byte(), choices.byte()];
      const encoding: Encoding = { littleEndian: (how & 1) === 0, syntax: (how & 2) === 0 ? 'ndr20' : 'ndr64' };
      const object = objects[which % Math.max(1, objects.length)] ?? { ipid: null, iid: IIDS[0] };
      const iid = (how & 8) === 0 ? object.iid : (IIDS[which % IIDS.length] ?? IIDS[0]);
      const opnum = choices.byte() % 64;
      const body = choices.take(choices.word() & 0x3ff);
      call(iid, opnum, object.ipid, (how & 16) === 0 ? body : headed(body, encoding.littleEndian), encoding);
    }
  },
};

/** An ORPCTHIS of version 5.7 before a body. */
function headed(body: Uint8Array, littleEndian: boolean): Uint8Array {
  const stub = new Uint8Array(32 + body.length);
  stub.set(littleEndian ? [5, 0, 7, 0] : [0, 5, 0, 7]);
  stub.set(body, 32);
  return stub;
}

const client: Target = {
  name: 'client',
  law: 'any bytes from a server: no exception, each call is answered or fails once, and nothing is believed of a signed session without its signature',
  most: MOST,
  seeds: () =>
    harvest()
      .connections.map((chunks) =>
        Buffer.concat(chunks.filter(({ direction }) => direction === 1).map(({ bytes }) => bytes)).subarray(0, 2500),
      )
      .filter((bytes) => bytes[0] === 5)
      .flatMap((bytes) => [0, 1, 3, 5, 7].map((how) => Uint8Array.of(how, 255, ...bytes))),
  run(bytes) {
    const choices = new Choices(bytes);
    const [how, size] = [choices.byte(), 1 + 16 * choices.byte()];
    const rest = choices.rest();
    const ntlm = new NtlmInitiator({
      user: 'alice',
      password: 'not in any capture',
      privacy: (how & 2) !== 0,
      random,
      time,
    });
    const auth =
      (how & 1) === 0
        ? null
        : {
            type: (how & 4) === 0 ? AUTH_TYPE.ntlm : AUTH_TYPE.spnego,
            level: (how & 2) === 0 ? ('integrity' as const) : ('privacy' as const),
            handshake: (how & 4) === 0 ? ntlm : new SpnegoInitiator(ntlm),
          };
    const link = new ClientLink(() => undefined, auth);
    const answers: LinkAnswer[][] = [[], []];
    const call = (at: number, transfer: 'ndr20' | 'ndr64', size_: number): void => {
      const abstract = { uuid: `11111111-2222-3333-4444-55555555555${at}`, major: 0, minor: 0 };
      const stub = new Uint8Array(size_);
      const object = at === 0 ? null : abstract.uuid;
      link.call({ abstract, transfer, opnum: 3, object, stub, drep: LITTLE_ENDIAN }, (answer) =>
        answers[at]?.push(answer),
      );
    };
    call(0, 'ndr20', 10);
    for (const piece of pieces(rest, size)) link.push(piece.slice());
    call(1, 'ndr64', 10_000);
    for (const piece of pieces(rest, size)) link.push(piece.slice());
    link.close('the end');
    for (const list of answers) law(list.length === 1, () => `${list.length} answers to one call`);
    if (auth !== null)
      law(
        answers.flat().every((one) => one.kind !== 'response'),
        () => 'an answer without a signature is believed',
      );
  },
};

export const sideTargets: readonly Target[] = [server, exported, client];
