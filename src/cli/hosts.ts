import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { messageOf } from '../io/reason.js';
import { UsageError } from '../io/streams.js';

/** Addresses of hosts given by address or name; of a name all that it resolves to. @throws UsageError */
export async function addressesOf(hosts: readonly string[]): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const host of hosts) {
    if (isIP(host) !== 0) {
      found.add(host.toLowerCase());
      continue;
    }
    const addresses = await lookup(host, { all: true }).catch((error: unknown) => {
      throw new UsageError(`--host ${host}: no address is known for it (${messageOf(error)})`);
    });
    for (const { address } of addresses) found.add(address.toLowerCase());
  }
  return [...found];
}

/** An expression of --where that holds for calls from or to any of the addresses, and for which another holds too. */
export function withHosts(addresses: readonly string[], where: string | undefined): string | undefined {
  if (addresses.length === 0) return where;
  const ends = addresses.flatMap((address) => [`client.address == "${address}"`, `server.address == "${address}"`]);
  const hosts = ends.join(' || ');
  return where === undefined ? hosts : `(${hosts}) && (${where})`;
}
