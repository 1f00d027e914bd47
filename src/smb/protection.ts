import type { Direction } from '../types.js';

/** One message of a session setup, without its transport. Its bytes are those of the capture: none are kept. */
export interface SetupLeg {
  readonly flow: number;
  readonly direction: Direction;
  readonly frame: number;
  readonly answer: boolean;
  readonly messageId: number;
  /** SessionId in hexadecimal, as on the wire; zeros in the first request. */
  readonly session: string;
  readonly status: number;
  readonly message: Uint8Array;
  /** The security buffer. */
  readonly token: Uint8Array;
  /** It binds a session to one more connection ([MS-SMB2] 2.2.5). */
  readonly binding: boolean;
}

/** An encrypted message: SMB2 TRANSFORM_HEADER and what follows it ([MS-SMB2] 2.2.41). */
export interface SealedMessage {
  readonly flow: number;
  readonly direction: Direction;
  readonly session: string;
  readonly message: Uint8Array;
}

/** What is known of a session whose messages are encrypted. */
export interface SessionAbout {
  readonly mechanism: 'ntlm' | 'kerberos' | null;
  /** Who logged on, where the logon shows it. */
  readonly user: string | null;
  /** As `AES-128-GCM`, where its negotiation was captured. */
  readonly cipher: string | null;
  /** A secret fits, and no message opens with what it gives: something of how it was set up was not captured. */
  readonly incomplete: boolean;
}

/** The door for the security room: sees how sessions are set up, and opens what they encrypt. */
export interface SmbProtection {
  /** A NEGOTIATE request or response, whole ([MS-SMB2] 2.2.3, 2.2.4); none of its bytes are kept. */
  onNegotiate(flow: number, message: Uint8Array, answer: boolean): void;
  /** A SESSION_SETUP request or response, whole ([MS-SMB2] 2.2.5, 2.2.6). */
  onSetup(leg: SetupLeg): void;
  /** RPC goes over a pipe of a connection: who logged on there is worth telling. */
  onPipe(flow: number): void;
  /** Whether messages of a session may be opened: those of others need not be kept. */
  opens(flow: number, session: string): boolean;
  /** The message in clear; null where it stays closed. */
  open(sealed: SealedMessage): Uint8Array | null;
  /** Messages of a session stay closed: who logged on there is worth telling. */
  onClosed(flow: number, session: string): void;
  about(flow: number, session: string): SessionAbout;
  /** The connection is over; what is kept for it can go. */
  onEnd(flow: number): void;
}
