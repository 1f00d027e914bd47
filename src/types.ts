/**
 * The values handed from room to room. Imports nothing.
 *
 * Bytes travel as (block, start, end): one {@link Block} holds many frames, so no view is made per packet.
 * Whoever keeps bytes after its `push` returned must copy them (see `detach` in bytes/block.ts): blocks are
 * large, and a kept frame would keep its whole block alive.
 */

/** A run of memory read in one go, with the one DataView made for it. */
export interface Block {
  readonly u8: Uint8Array;
  readonly view: DataView;
}

/** The bytes `start` (inclusive) to `end` (exclusive) of a block. */
export interface Span {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
}

/**
 * A moment: seconds since 1970-01-01 UTC and nanoseconds below one second. Two numbers, because a bigint per packet
 * costs more than the packet.
 */
export interface Moment {
  readonly timeS: number;
  readonly timeNs: number;
}

/** One captured packet, numbered from 1 over all sections and interfaces of the input as Wireshark numbers it. */
export interface Frame extends Span, Moment {
  readonly kind: 'frame';
  readonly number: number;
  /** LINKTYPE_ value, e.g. 1 for Ethernet (https://www.tcpdump.org/linktypes.html). */
  readonly linkType: number;
  /** Length on the wire in bytes; larger than `end - start` when the capture was cut by a snap length. */
  readonly wireLength: number;
  /** Interface index within its section; 0 for pcap. */
  readonly interfaceId: number;
  /** Offset of the packet's record in the (uncompressed) input, in bytes. */
  readonly offset: number;
  /** False when the block gave no timestamp (pcapng Simple Packet Block). */
  readonly hasTime: boolean;
}

export interface Endpoint {
  /** Textual IPv4 or IPv6 address (RFC 5952 form). */
  readonly address: string;
  readonly port: number;
}

/** 0: from `a` to `b`; 1: from `b` to `a`. */
export type Direction = 0 | 1;

/**
 * One TCP connection, one open of a named pipe over one, or a pair of UDP ends. `a` sent the SYN, or, where none was seen,
 * the first packet.
 */
export interface Flow {
  readonly id: number;
  readonly a: Endpoint;
  readonly b: Endpoint;
  /** How the connection was first seen; a pipe whose CREATE was captured is `syn`. */
  readonly opened: 'syn' | 'syn-ack' | 'midstream';
  /** The pipe, e.g. `\\pipe\\samr` (null where its CREATE was not captured), and the flow of the connection it goes over. */
  readonly pipe?: { readonly name: string | null; readonly over: number };
  /** Two ends that exchange datagrams over UDP, and no connection. */
  readonly datagrams?: true;
}

/** In-order bytes of one direction of a connection, all from one frame. */
export interface Chunk extends Span, Moment {
  readonly kind: 'chunk';
  readonly flow: Flow;
  readonly direction: Direction;
  /** Offset of the first byte in the direction's stream, counted from the first byte seen. */
  readonly streamOffset: number;
  readonly frame: number;
}

/** Port of a KDC, of TCP and of UDP (RFC 4120 7.2). */
export const KDC_PORT = 88;

/**
 * A datagram that may hold a connectionless RPC PDU, or that goes to the port of a KDC or comes from there, all from one
 * frame; `flow` pairs two ends of UDP.
 */
export interface Datagram extends Span, Moment {
  readonly kind: 'datagram';
  readonly carries: 'rpc' | 'kdc';
  readonly flow: Flow;
  readonly direction: Direction;
  readonly frame: number;
}

/** A hole in one direction: `size` bytes were never captured. */
export interface Gap extends Moment {
  readonly kind: 'gap';
  readonly flow: Flow;
  readonly direction: Direction;
  readonly streamOffset: number;
  readonly size: number;
  /** The frame at which the hole was given up. */
  readonly frame: number;
}

/** The end of a connection, or of one direction of it. */
export interface FlowEnd extends Moment {
  readonly kind: 'flow-end';
  readonly flow: Flow;
  /** Null: both directions. */
  readonly direction: Direction | null;
  readonly reason: 'fin' | 'rst' | 'idle' | 'evicted' | 'port-reuse' | 'end-of-input';
  readonly frame: number;
  /** The direction that reset the connection, or whose FIN came first; null where neither was captured. */
  readonly by: Direction | null;
  /** False: its SYN was captured, and nothing shows that the other side took the connection. */
  readonly answered: boolean;
  /** The direction of which no packet was captured, and the bytes of it that its receiver acknowledges; or null. */
  readonly unseen: { readonly direction: Direction; readonly bytes: number } | null;
}

/** A connection is asked for (SYN) or granted (SYN with ACK, RFC 9293 3.5); every copy of either is one. */
export interface Handshake extends Moment {
  readonly kind: 'handshake';
  readonly flow: Flow;
  readonly step: 'syn' | 'syn-ack';
  readonly frame: number;
}

/** An ICMP message: a packet of a connection could not be delivered (RFC 792, RFC 4443 3.1). */
export interface Unreachable extends Moment {
  readonly kind: 'unreachable';
  readonly flow: Flow;
  /** Direction of the packet that could not be delivered. */
  readonly direction: Direction;
  /** Address of the host or router that says so. */
  readonly from: string;
  /** In words: `port unreachable`, `administratively prohibited`… */
  readonly reason: string;
  readonly frame: number;
}

/** NDR data representation label of a PDU ([C706] 14.1). */
export interface Drep {
  readonly littleEndian: boolean;
  readonly ebcdic: boolean;
  /** Floating-point format; everything but 'ieee' is named and left undecoded. */
  readonly float: 'ieee' | 'vax' | 'cray' | 'ibm' | 'unknown';
}

export type TransferSyntax = 'ndr20' | 'ndr64';

/** A run of stub bytes and the frame that carried it: `from` is relative to the stub. */
export interface StubPiece {
  readonly from: number;
  readonly frame: number;
}

/**
 * The reassembled stub data of one request or response: padding, authentication trailer and verification trailer
 * removed.
 */
export interface Stub extends Span {
  readonly drep: Drep;
  /** Frames that carried any byte of its PDUs, ascending, no duplicates. */
  readonly frames: readonly number[];
  /** Which frame carried which byte, ascending by `from`. */
  readonly pieces: readonly StubPiece[];
  readonly fragments: number;
  /** False when bytes are missing (gap, cut capture, fragments without their last). */
  readonly complete: boolean;
  /** True when the bytes are cipher text (packet privacy, not opened). */
  readonly sealed: boolean;
  /** What followed the stub in a request ([MS-RPCE] 2.2.2.13), or null. */
  readonly verification: VerificationTrailer | null;
}

/** [MS-RPCE] 2.2.2.13 verification trailer. */
export interface VerificationTrailer {
  /** Offset of the signature relative to the stub with the trailer still on it. */
  readonly offset: number;
  readonly commands: readonly VerificationCommand[];
}

export interface VerificationCommand {
  readonly command: 'bitmask1' | 'pcontext' | 'header2' | 'unknown';
  readonly type: number;
  readonly mustProcess: boolean;
  readonly fields: Fields;
}

export type AuthVerdict = 'none' | 'unverified' | 'good' | 'bad' | 'sealed' | 'opened';
/** Authentication levels, each at its number ([MS-RPCE] 2.2.1.1.8). */
const LEVELS = ['default', 'none', 'connect', 'call', 'packet', 'integrity', 'privacy'] as const;
export type KnownAuthLevel = (typeof LEVELS)[number];
/** One without a number: none that is known. */
export type AuthLevel = KnownAuthLevel | 'unknown';
export const AUTH_LEVELS: readonly AuthLevel[] = LEVELS;

/** How a PDU was protected. */
export interface Auth {
  /** 'none', 'ntlm', 'spnego', 'kerberos', 'schannel', 'netlogon' or 'type-N'. */
  readonly type: string;
  readonly level: AuthLevel;
  readonly verdict: AuthVerdict;
  /** auth_context_id of the trailer. */
  readonly contextId: number;
  /** Who the client is, e.g. `CONTOSO\\alice`, where the handshake was captured. */
  readonly user?: string | null;
}

export interface SyntaxId {
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
}

/** A presentation context as negotiated on one association. */
export interface PresentationContext {
  readonly id: number;
  readonly abstract: SyntaxId;
  readonly transfer: TransferSyntax;
}

export type ExchangeOutcome =
  | 'answered' // request and response seen
  | 'faulted' // request and fault PDU seen
  | 'cancelled' // the client sent orphaned or co_cancel and no answer came
  | 'orphaned' // the client abandoned the call with an orphaned PDU
  | 'unanswered' // request without a response by the end of its connection
  | 'maybe' // PFC_MAYBE: no answer is due
  | 'response-only'; // answer whose request was not captured

/** One remote call as the RPC layer knows it. */
export interface Exchange {
  readonly kind: 'exchange';
  readonly flow: Flow;
  /** Direction of the request. */
  readonly direction: Direction;
  readonly callId: number;
  readonly contextId: number;
  readonly opnum: number | null;
  /** Object UUID of the request header (an IPID in DCOM), or null. */
  readonly object: string | null;
  /** Null when the context was never seen negotiated. */
  readonly context: PresentationContext | null;
  /** Without a context: the transfer syntax that the server accepted, where its answer was captured and what it answers was not. */
  readonly transfer?: TransferSyntax;
  readonly request: Stub | null;
  readonly response: Stub | null;
  readonly fault: Fault | null;
  readonly outcome: ExchangeOutcome;
  readonly requestTime: Moment | null;
  readonly responseTime: Moment | null;
  readonly requestAuth: Auth | null;
  readonly responseAuth: Auth | null;
  readonly problems: readonly Problem[];
}

/** What one presentation context of a bind or alter_context came to. */
export interface ContextResult {
  readonly id: number;
  readonly abstract: SyntaxId;
  /** Proposed transfer syntaxes, in order. */
  readonly proposed: readonly SyntaxId[];
  /** 'accepted', 'rejected', 'feature-negotiation' ([MS-RPCE] 3.3.1.5.3), or 'unanswered'. */
  readonly result: 'accepted' | 'rejected' | 'feature-negotiation' | 'unanswered';
  /** p_provider_reason_t of a rejection, or null. */
  readonly reason: number | null;
  readonly transfer: TransferSyntax | null;
}

/** A bind, alter_context or their answer, as one record once it was answered (or given up). */
export interface BindRecord extends Moment {
  readonly kind: 'bind';
  readonly flow: Flow;
  readonly frame: number;
  readonly alter: boolean;
  readonly outcome: 'accepted' | 'rejected' | 'unanswered';
  /** Requests named its contexts while no answer was seen: it was answered, and the answer was not captured. */
  readonly used: boolean;
  readonly contexts: readonly ContextResult[];
  readonly auth: Auth | null;
  readonly assocGroup: number;
  readonly maxXmit: number;
  readonly maxRecv: number;
  /** Bind-time features both sides have ([MS-RPCE] 2.2.2.14), as bits. */
  readonly features: number;
  /** Direction of the proposal. */
  readonly direction: Direction;
  readonly callId: number;
  /** Frame of the last byte of the answer, or null. */
  readonly answerFrame: number | null;
  /** Port of the bind_ack's secondary address as the server wrote it, or null. */
  readonly secondaryAddress: string | null;
  /** Both sides set PFC_SUPPORT_HEADER_SIGN ([MS-RPCE] 2.2.2.3). */
  readonly headerSigning: boolean;
  /** provider_reject_reason of a bind_nak, or null. */
  readonly reason: number | null;
  /** Protocol versions a bind_nak says the server speaks. */
  readonly versions: readonly { readonly major: number; readonly minor: number }[];
  /** Fault PDU that answered an alter_context, or null. */
  readonly fault: Fault | null;
}

/** A server asked its client to close the connection ([C706] 12.6.4.11). */
export interface ShutdownRecord extends Moment {
  readonly kind: 'shutdown';
  readonly flow: Flow;
  readonly direction: Direction;
  readonly frame: number;
}

/** A fault PDU's status. */
export interface Fault {
  readonly status: number;
  readonly didNotExecute: boolean;
}

/** The object a call went to; the identifiers are null while nobody handed its IPID out. */
export interface ObjectReference {
  readonly ipid: string;
  readonly oid: string | null;
  readonly oxid: string | null;
  readonly label: string | null;
}

/** One remote call, decoded: the call record of the contract in its internal form. */
export interface Call {
  readonly kind: 'call';
  /** From 1, in order of completion. */
  readonly id: number;
  readonly time: Moment | null;
  readonly latencyNs: number | null;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly flow: number;
  readonly callId: number;
  readonly contextId: number;
  readonly interface: string | null;
  readonly iid: string | null;
  readonly method: string | null;
  readonly member: 'method' | 'propget' | 'propput' | 'propputref' | null;
  /** The slot that was called: equal to the number on the wire unless the peer numbers as the specification prints. */
  readonly opnum: number | null;
  readonly printedOpnum: number | null;
  /** Section of the method within `spec`. */
  readonly section: string | null;
  readonly spec: string | null;
  readonly binding: 'early' | 'late';
  readonly dispid: number | null;
  readonly via: { readonly interface: string; readonly method: string; readonly opnum: number } | null;
  /** How certain it is that interface and method are these; `unknown`: nothing tells which interface was called. */
  readonly certainty: 'known' | 'inferred' | 'guessed' | 'unknown';
  readonly because: string | null;
  readonly object: ObjectReference | null;
  readonly causality: string | null;
  /** False: no table has the parameters, or the stubs are cipher text, and `in` and `out` say nothing. */
  readonly decoded: boolean;
  readonly in: Fields;
  readonly out: Fields;
  readonly hresult: number | null;
  /** Name of the HRESULT that hid `hresult`, e.g. 'DISP_E_EXCEPTION', or null. */
  readonly wrapped: string | null;
  /** What an EXCEPINFO said of a late-bound call that failed ([MS-OAUT] 2.2.34), or null. */
  readonly exception: { readonly source: string | null; readonly description: string | null } | null;
  /** Name of the argument that the server refused, or null. */
  readonly refused: string | null;
  /** Ids of the calls that the server made back to the client because of this one, by their causality. */
  readonly callbacks: readonly number[];
  /**
   * Number that tells the association group of the connection from others ([C706] 12.6.3.1), or null while it is not
   * known.
   */
  readonly group: number | null;
  readonly fault: Fault | null;
  readonly auth: Auth;
  readonly requestFrames: readonly number[];
  readonly responseFrames: readonly number[];
  readonly problems: readonly Problem[];
  readonly outcome: ExchangeOutcome;
  /** The stubs, for decoding again, tracing and re-encoding. */
  readonly exchange: Exchange;
}

/** One interface of an object, as a reference to it was handed out. */
export interface InterfaceRecord {
  readonly ipid: string;
  readonly iid: string | null;
  /** Name of the interface, or null when no table has it. */
  readonly interface: string | null;
  /** Public references the clients hold by now ([MS-DCOM] 3.1.1.5.6): handed out and added, less released. */
  readonly references: number;
  /** Id of the call that first handed the IPID out; null when that was not captured. */
  readonly madeBy: number | null;
  /** Calls made on it. */
  readonly calls: number;
}

/** One DCOM object of the capture, with what became of it. */
export interface ObjectRecord {
  readonly kind: 'object';
  /** Its name in every output, e.g. `IUpdateSearcher#2`. */
  readonly label: string;
  /** The name calls showed before its class was known, e.g. `IDispatch#4`, or null. */
  readonly formerLabel: string | null;
  /** The interface it is known by, e.g. `IUpdateSearcher`; null when that is not known. */
  readonly class: string | null;
  readonly certainty: 'known' | 'inferred' | 'guessed';
  /** Why the class is believed, or null. */
  readonly because: string | null;
  readonly oid: string | null;
  readonly oxid: string | null;
  /** The server that exports it. */
  readonly server: Endpoint;
  /** Id of the call that returned its first reference, and the label of the object that call was made on. */
  readonly madeBy: number | null;
  readonly parent: string | null;
  readonly interfaces: readonly InterfaceRecord[];
  /** Public references over all interfaces. */
  readonly references: number;
  /** Calls made on it. */
  readonly calls: number;
  readonly firstSeen: Moment | null;
  readonly lastSeen: Moment | null;
  /** Pings of sets it is in, and the last of them. */
  readonly pings: number;
  readonly lastPing: Moment | null;
  /** Id of the call that gave the last reference back, or null. */
  readonly releasedBy: number | null;
  /** References were still held when its client went away. */
  readonly leaked: boolean;
}

/** Who logged on over a connection and how, once the handshake was captured. */
export interface SecurityRecord {
  readonly kind: 'security';
  readonly flow: number;
  /** Frame of the client's last leg. */
  readonly frame: number;
  readonly contextId: number;
  readonly mechanism: 'ntlm' | 'kerberos';
  readonly user: string;
  readonly domain: string;
  readonly workstation: string;
  /** Name of the server as it gives it, or the service of the ticket; null where it is not told. */
  readonly target: string | null;
  /** NTLM NegotiateFlags; 0 for Kerberos. */
  readonly flags: number;
  /** The server's clock inside the client's response, ISO 8601 with Z, or null. */
  readonly time: string | null;
  /** NTLM 1 or 2; null for Kerberos and anonymous logons. */
  readonly version: 1 | 2 | null;
  readonly ticket: {
    readonly etype: string;
    readonly realm: string;
    readonly authTime: string | null;
    readonly endTime: string | null;
  } | null;
  /** `proved`: a secret given fits; `refused`: those given for this user do not; `unknown`: none was given. */
  readonly secret: 'proved' | 'refused' | 'unknown';
  readonly mic: 'good' | 'bad' | null;
}

export type Severity = 'info' | 'warning' | 'error';

/** A connection that ended before it carried the call it was made for. */
export interface RefusedConnection {
  /** How far it came: opening TCP, the bind, the logon, or the first call. */
  readonly step: 'connect' | 'bind' | 'logon' | 'call';
  readonly client: string;
  readonly server: Endpoint;
  /** SYNs sent, or 1 where the connection was opened. */
  readonly attempts: number;
  /** From the first sign of it to the last. */
  readonly time: Moment | null;
  readonly lastedNs: number | null;
  /** Id of the call whose answer named the port, or null. */
  readonly namedBy: number | null;
  /** What the client's own call ends with: the HRESULT that its program sees. */
  readonly error: { readonly value: number; readonly name: string };
  readonly cause: string;
  readonly advice: string;
}

/** A rule that the session breaks, or something worth knowing about it. */
export interface Finding {
  readonly kind: 'finding';
  /** Name of the rule, e.g. `not-used-on-wire`; docs/rules.md lists them. */
  readonly rule: string;
  readonly severity: Severity;
  readonly message: string;
  /** Section that says so, or null. */
  readonly spec: string | null;
  /** Id of the call it is about, or null. */
  readonly call: number | null;
  /** Label of the object it is about, or null. */
  readonly object: string | null;
  readonly frames: readonly number[];
  /** What is known of the connection, where the finding is that one was refused. */
  readonly connection?: RefusedConnection;
  /** What frames hold, and how many do, where the finding is that they were not looked into. */
  readonly unread?: { readonly name: string; readonly frames: number };
}

/** A decoded value. bigint for 64-bit integers, Uint8Array for opaque bytes, null for a null pointer or BSTR. */
export type Value = number | bigint | string | boolean | null | Uint8Array | readonly Value[] | Fields;

/** A record: values by the names of parameters or fields. Also called an object value. */
export type Fields = { readonly [name: string]: Value };

export type Layer = 'capture' | 'link' | 'ip' | 'tcp' | 'rpc' | 'security' | 'ndr' | 'dcom' | 'analysis';

/** Where a problem is: every known position, null where it has none. */
export interface Where {
  /** Offset in the input file, in bytes. */
  readonly offset?: number;
  readonly frame?: number;
  readonly flow?: number;
  /** Offset in the stub, in bytes. */
  readonly stub?: number;
  /** Field path within the stub, e.g. `out.retval.abData`. */
  readonly path?: string;
}

/** Something wrong with the input. Damage is data: it never throws. */
export interface Problem {
  readonly kind: 'problem';
  readonly layer: Layer;
  readonly code: ProblemCode;
  /** What is wrong and, where there is a remedy, what to do. */
  readonly message: string;
  /** Section that is broken, e.g. `[C706] 12.6.3.1`, or null. */
  readonly spec: string | null;
  readonly at: Where;
  /** A finding says the same with its cause: what is for people to read leaves the problem out. */
  readonly told?: true;
}

/** The closed list of problem codes; docs/limits.md explains each. */
export type ProblemCode =
  // capture
  | 'capture-truncated'
  | 'capture-bad-length'
  | 'capture-bad-block'
  | 'capture-unsupported'
  | 'capture-version'
  | 'capture-empty'
  | 'capture-bad-compression'
  | 'capture-unknown-interface'
  | 'capture-bad-time'
  | 'capture-zeros'
  | 'capture-joined'
  | 'recording-damaged'
  // link and ip
  | 'link-unsupported'
  | 'link-truncated'
  | 'ip-truncated'
  | 'ip-malformed'
  | 'ip-fragment-overlap'
  | 'ip-fragment-timeout'
  | 'ip-fragment-limit'
  // tcp
  | 'tcp-truncated'
  | 'tcp-malformed'
  | 'tcp-gap'
  | 'tcp-overlap-differs'
  | 'tcp-out-of-order-limit'
  | 'tcp-flow-limit'
  // rpc
  | 'rpc-malformed'
  | 'rpc-resync'
  | 'rpc-fragment-limit'
  | 'rpc-fragment-order'
  | 'rpc-fragment-lost'
  | 'rpc-unknown-context'
  | 'rpc-context-rejected'
  | 'rpc-context-limit'
  | 'rpc-orphan-response'
  | 'rpc-duplicate-call-id'
  | 'rpc-pending-limit'
  | 'rpc-unsupported-version'
  | 'rpc-connectionless'
  | 'rpc-named-pipe'
  | 'rpc-preamble'
  | 'rpc-drep'
  | 'rpc-bad-auth-trailer'
  | 'rpc-bad-verification-trailer'
  | 'rpc-pdu-truncated'
  | 'rpc-bind-nak'
  // ndr
  | 'ndr-truncated'
  | 'ndr-trailing'
  | 'ndr-bad-conformance'
  | 'ndr-bad-variance'
  | 'ndr-bad-discriminant'
  | 'ndr-bad-enum'
  | 'ndr-bad-boolean'
  | 'ndr-bad-string'
  | 'ndr-limit'
  | 'ndr-unsupported'
  | 'ndr-bad-pickle'
  | 'ndr-bad-value'
  | 'ndr-pad-not-zero'
  // dcom
  | 'dcom-bad-objref'
  | 'dcom-bad-activation'
  | 'dcom-bad-dualstring'
  | 'dcom-bad-variant'
  // analysis
  | 'unknown-opnum'
  | 'not-used-on-wire';
