/** Named bounds of the SMB room; docs/limits.md lists them. */
export interface SmbLimits {
  /** Connections followed at once; past it the one met first is let go, with its pipes. */
  readonly connections: number;
  /** Bytes of a message that are put together: of longer ones only the beginning is read. */
  readonly message: number;
  /** Bytes held over all connections for messages in the making; without room only their beginnings are read. */
  readonly heldBytes: number;
  /** Requests of a connection that wait for their answer, and of all connections; further ones are not remembered. */
  readonly pending: number;
  readonly pendingTotal: number;
  /** Open pipes of a connection, and of all connections; further ones are not followed. */
  readonly pipes: number;
  readonly pipesTotal: number;
  /** Trees of a connection of which is known whether they hold pipes. */
  readonly trees: number;
  /** Bytes of one direction passed over in search of a message before the connection is given up. */
  readonly searchBytes: number;
}

export const SMB_LIMITS: SmbLimits = {
  connections: 8192,
  message: 1024 * 1024,
  heldBytes: 64 * 1024 * 1024,
  pending: 1024,
  pendingTotal: 131_072,
  pipes: 1024,
  pipesTotal: 65_536,
  trees: 256,
  searchBytes: 1024 * 1024,
};

/** Commands of one compound that are read. */
export const MAX_COMPOUND = 64;
/** UTF-16 units of the name of a pipe that are kept. */
export const MAX_PIPE_NAME = 256;
