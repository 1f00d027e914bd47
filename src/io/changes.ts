import { ServerChanges } from '../../replay/player/changes.js';
import type { RecordingRecord } from '../../replay/recording/records.js';
import { callTitle } from '../../replay/recording/text.js';
import type { Registry } from '../ndr/codec.js';
import { Client } from '../peer/client/client.js';
import { ClientError } from '../peer/client/error.js';
import { readSimulated } from '../peer/simulated.js';
import { UsageError } from './streams.js';
import { networkWorld } from './world.js';

/** Calls of a recording that change the server, in words. */
export function changesIn(records: Iterable<RecordingRecord>, registry: Registry): readonly string[] {
  const changes = new ServerChanges(registry);
  const found: string[] = [];
  for (const one of records) {
    const change = one.kind === 'call' ? changes.of(one) : null;
    if (one.kind === 'call' && change !== null) found.push(`${one.id} ${callTitle(one)}: ${change}`);
  }
  return found;
}

/** Where a server is. */
interface Where {
  readonly host: string;
  readonly port: number;
}

/** Milliseconds that a server has to say what it is. */
const SAY_MS = 10_000;

/**
 * Whether a server says that it is simulated (an agent of `serve --model`, a recording served): asked without signing
 * in. One that does not answer, or refuses to, is taken for a real one.
 */
export async function isSimulated({ host, port }: Where, registry: Registry): Promise<boolean> {
  const client = new Client({
    registry,
    world: networkWorld(host, null),
    host,
    port,
    level: 'none',
    binding: 'early',
    timeoutMs: SAY_MS,
  });
  try {
    const { value } = await client.rpc('mgmt', 'rpc__mgmt_inq_if_ids', {}, port);
    return readSimulated(value);
  } catch (error) {
    if (error instanceof ClientError) return false;
    throw error;
  } finally {
    await client.close();
  }
}

/**
 * Calls that change a server are made unasked only where it is simulated. @throws UsageError where it is not, with
 * `otherwise`: how to have them made, or left out
 */
export async function checkChanges(
  changes: readonly string[],
  where: Where,
  registry: Registry,
  otherwise: string,
): Promise<void> {
  const [first] = changes;
  if (first === undefined || (await isSimulated(where, registry))) return;
  const more = changes.length === 1 ? '' : `, and ${changes.length - 1} more`;
  throw new UsageError(
    `the recording changes the server (call ${first}${more}), and ${where.host}:${where.port} does not say that it is a simulated one: nothing was called; ${otherwise}`,
  );
}
