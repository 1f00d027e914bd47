import { knowledge } from '../../src/io/knowledge.js';
import { EncodeError, type Encoding, type Fields, type MethodCodec } from '../../src/ndr/codec.js';
import type { MemberKind } from '../../src/ndr/types.js';
import {
  NtlmAcceptor,
  NtlmInitiator,
  ntHash,
  protectPdu,
  SpnegoAcceptor,
  SpnegoInitiator,
  type SecurityContext,
} from '../../src/security/index.js';
import { concat } from '../../src/bytes/concat.js';
import { PFC } from '../../src/rpc/header.js';
import {
  type AuthPart,
  type BindAckFields,
  type BindFields,
  encodeAlterContext,
  encodeAlterContextResp,
  encodeAuth3,
  encodeBind,
  encodeBindAck,
  encodeFault,
  encodeRequestFragments,
  encodeResponseFragments,
} from '../../src/rpc/encode.js';
import { NDR20, NDR64 } from '../../src/rpc/syntax.js';
import type { Value } from '../../src/types.js';
import type { Connection } from './wire.js';

/** How a session's bytes are made. */
export interface SessionOptions {
  readonly encoding?: Encoding;
  /** `printed`: requests carry the opnums as [MS-UAMG] prints them; `mixed`: every other request does. */
  readonly numbering?: 'wire' | 'printed' | 'mixed';
  /** A filler signature of 16 bytes at packet integrity on every call: sizes as with NTLM, nothing that verifies. */
  readonly signed?: boolean;
  /** NTLMv2 for real: handshake with the first bind, every PDU signed, and sealed at privacy. */
  readonly ntlm?: NtlmSession;
  /** Bytes behind the stub of every response that belong to nothing. */
  readonly trailing?: number;
  /** Largest fragment, in bytes. */
  readonly maxFragment?: number;
}

/** Who logs on, and how. */
export interface NtlmSession {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  readonly level: 'integrity' | 'privacy';
  readonly spnego?: boolean;
}

/** A call to put into the capture. */
export interface SampleCall {
  readonly interface: string;
  readonly method: string;
  readonly kind?: MemberKind;
  readonly ipid?: string;
  readonly in?: Fields;
  readonly out?: Fields;
  /** HRESULT or status; 0 when left out. */
  readonly result?: number;
  /** Answer with a fault of this status instead. */
  readonly fault?: number;
  /** Microseconds the server takes. */
  readonly latency?: number;
}

export const CAUSALITY = '5a9b1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3';
const { registry } = knowledge();
const LITTLE: Encoding = { littleEndian: true, syntax: 'ndr20' };

/** The calls of one connection: contexts are negotiated when an interface is first used. */
export class Session {
  private readonly connection: Connection;
  private readonly encoding: Encoding;
  private readonly numbering: 'wire' | 'printed' | 'mixed';
  private readonly maxFragment: number;
  private readonly trailing: Uint8Array;
  private readonly auth: AuthPart | null;
  private readonly ntlm: NtlmSession | null;
  private security: SecurityContext | null = null;
  private server: SecurityContext | null = null;
  private readonly contexts = new Map<string, number>();
  private callId = 1;
  private readonly wait: (microseconds: number) => void;

  constructor(connection: Connection, wait: (microseconds: number) => void, options: SessionOptions = {}) {
    this.connection = connection;
    this.wait = wait;
    this.encoding = options.encoding ?? LITTLE;
    this.numbering = options.numbering ?? 'wire';
    this.maxFragment = options.maxFragment ?? 5840;
    this.trailing = new Uint8Array(options.trailing ?? 0).fill(0xff);
    this.ntlm = options.ntlm ?? null;
    this.auth = authOf(options);
  }

  call(call: SampleCall): void {
    const answer = this.begin(call);
    this.wait(call.latency ?? 350);
    answer();
  }

  /**
   * Sends the request; the function it returns sends the answer, so that calls of several connections can be
   * outstanding at once.
   */
  begin(call: SampleCall): () => void {
    const resolved = registry.interfaceByName(call.interface);
    if (resolved === null) throw new EncodeError('interface', `no interface is named ${call.interface}`);
    const slot = resolved.slots.find(
      (entry) =>
        entry !== null &&
        entry.method.name === call.method &&
        (call.kind === undefined || entry.method.member === call.kind),
    );
    if (slot == null) throw new EncodeError('method', `${call.interface} has no ${call.method}`);
    const { method, owner } = slot;
    const codec = registry.method(resolved.interface.uuid, method.opnum, this.encoding);
    if (codec === null) throw new EncodeError('method', `${call.interface}::${call.method} cannot be encoded`);
    const { orpc, uuid, version } = resolved.interface;
    const contextId = this.context(uuid, version);
    const callId = ++this.callId;
    const drep = { littleEndian: this.encoding.littleEndian, ebcdic: false, float: 'ieee' } as const;
    const request = requestOf(codec, call, orpc);
    const printed = this.numbering === 'printed' || (this.numbering === 'mixed' && callId % 2 === 0);
    const opnum = printed && owner.spec === 'MS-UAMG' ? method.printedOpnum : method.opnum;
    for (const pdu of encodeRequestFragments(
      { callId, contextId, opnum, object: call.ipid ?? null, stub: request, drep, auth: this.auth },
      this.maxFragment,
    ))
      this.connection.send(0, this.guarded(pdu, 0));
    return () => {
      if (call.fault !== undefined) {
        this.connection.send(
          1,
          this.guarded(
            encodeFault({
              callId,
              contextId,
              status: call.fault,
              drep,
              ...(this.ntlm === null ? {} : { auth: this.auth }),
            }),
            1,
          ),
        );
        return;
      }
      const clean = responseOf(codec, call, orpc);
      const response = this.trailing.length === 0 ? clean : concat([clean, this.trailing]);
      for (const pdu of encodeResponseFragments(
        { callId, contextId, stub: response, drep, auth: this.auth },
        this.maxFragment,
      ))
        this.connection.send(1, this.guarded(pdu, 1));
    };
  }

  private context(uuid: string, version: { readonly major: number; readonly minor: number }): number {
    const known = this.contexts.get(uuid);
    if (known !== undefined) return known;
    const id = this.contexts.size;
    this.contexts.set(uuid, id);
    const transfer = this.encoding.syntax === 'ndr64' ? NDR64 : NDR20;
    const drep = { littleEndian: this.encoding.littleEndian, ebcdic: false, float: 'ieee' } as const;
    const proposal = {
      callId: ++this.callId,
      contexts: [{ id, abstract: { uuid, ...version }, transfers: [transfer] }],
      drep,
    };
    const answer = { callId: this.callId, results: [{ result: 0, reason: 0, syntax: transfer }], drep };
    if (id === 0 && this.ntlm !== null) this.logOn(this.ntlm, proposal, answer);
    else {
      this.connection.send(0, id === 0 ? encodeBind(proposal) : encodeAlterContext(proposal));
      this.wait(200);
      this.connection.send(1, id === 0 ? encodeBindAck(answer) : encodeAlterContextResp(answer));
    }
    return id;
  }

  /**
   * The legs of a handshake: bind and bind_ack, then auth3 where NTLM is bare, alter_context and its answer in SPNEGO.
   */
  private logOn(ntlm: NtlmSession, proposal: BindFields, answer: BindAckFields): void {
    const { auth, connection } = this;
    if (auth === null) return;
    const time = 134_089_632_000_000_000n;
    const { user, domain, password } = ntlm;
    const initiator = new NtlmInitiator({
      user,
      domain,
      password,
      privacy: ntlm.level === 'privacy',
      random: filler(7),
      time,
      workstation: 'AUDIT-PC',
      target: 'RPCSS/wsus-host',
    });
    const client = ntlm.spnego === true ? new SpnegoInitiator(initiator) : initiator;
    const acceptor = new NtlmAcceptor({
      users: new Map([[user.toLowerCase(), { hash: ntHash(password) }]]),
      server: 'WSUS-HOST',
      random: filler(11),
      time,
    });
    const server = new SpnegoAcceptor({ ntlm: acceptor, kerberos: null });
    const part = (token: Uint8Array | null): AuthPart => ({ ...auth, token: token ?? new Uint8Array(0), align: 4 });
    const signs = PFC.first | PFC.last | PFC.headerSign;
    let token = client.step(null).token;
    connection.send(0, encodeBind({ ...proposal, flags: signs, auth: part(token) }));
    token = server.step(token).token;
    connection.send(1, encodeBindAck({ ...answer, flags: signs, auth: part(token) }));
    token = client.step(token).token;
    const last = server.step(token).token;
    if (last === null) connection.send(0, encodeAuth3({ callId: proposal.callId, auth: part(token) }));
    else {
      connection.send(0, encodeAlterContext({ ...proposal, auth: part(token) }));
      connection.send(1, encodeAlterContextResp({ ...answer, auth: part(last) }));
    }
    this.security = client.context;
    this.server = server.context;
  }

  private guarded(pdu: Uint8Array, from: 0 | 1): Uint8Array {
    const protector = from === 0 ? this.security?.fromClient : this.server?.fromServer;
    if (protector !== undefined) protectPdu(pdu, protector);
    return pdu;
  }
}

/** Bytes that look random and are the same on every run. */
function filler(seed: number): (size: number) => Uint8Array {
  let state = seed;
  return (size) =>
    Uint8Array.from({ length: size }, () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 24);
}

function requestOf(codec: MethodCodec, call: SampleCall, orpc: boolean): Uint8Array {
  const header: { [name: string]: Value } = {
    version: { MajorVersion: 5, MinorVersion: 7 },
    flags: 0,
    reserved1: 0,
    cid: CAUSALITY,
    extensions: null,
  };
  const explicit = codec.method.params?.some((param) => param.name === 'orpcthis') === true;
  return codec.request.encode({
    ...(orpc || explicit ? { orpcthis: explicit ? { ...header, flags: 1 } : header } : {}),
    ...call.in,
  });
}

function responseOf(codec: MethodCodec, call: SampleCall, orpc: boolean): Uint8Array {
  const explicit = codec.method.params?.some((param) => param.name === 'orpcthat') === true;
  const all = {
    ...(orpc || explicit ? { orpcthat: { flags: 0, extensions: null } } : {}),
    ...call.out,
    return: call.result ?? 0,
  };
  return codec.response.encode(all, { request: call.in ?? {} });
}

/** The trailer of a session's PDUs: of NTLM, of a made-up signature, or none. */
function authOf({ ntlm, signed }: SessionOptions): AuthPart | null {
  if (ntlm !== undefined) {
    const level = ntlm.level === 'privacy' ? 6 : 5;
    return { type: ntlm.spnego === true ? 9 : 10, level, contextId: 79_231, token: new Uint8Array(16) };
  }
  return signed === true ? { type: 10, level: 5, contextId: 79_231, token: new Uint8Array(16).fill(0xa5) } : null;
}
