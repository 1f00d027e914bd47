/** A message of SMB, for a {@link SmbWitness}. */
export interface WitnessedMessage {
  /** All frames that hold bytes of it, of what it is encrypted in, too. */
  readonly frames: readonly number[];
  /** The same for a request and its answer. */
  readonly id: number;
  readonly answer: boolean;
  /** It negotiates, logs on or connects to a tree: nothing of its connection is read without. */
  readonly setup: boolean;
}

/** Hears which messages what goes over pipes cannot be read without: for who takes packets of some of it away. */
export interface SmbWitness {
  onMessage(flow: number, message: WitnessedMessage): void;
  /** RPC goes over a pipe, `flow`, of the connection `over`; these frames opened it. */
  onPipe(flow: number, over: number, frames: readonly number[]): void;
}
