import { lookup } from 'node:dns/promises';
import { isIP, SocketAddress } from 'node:net';
import type { Command } from 'commander';
import { messageOf } from '../io/reason.js';
import { UsageError } from '../io/streams.js';
import type { Between } from '../net/hosts.js';

export interface HostFlags {
  readonly host?: readonly string[];
  readonly session?: readonly string[];
}

/** What was chosen by name: whose packets, calls of which ends as an expression of --where, and both in words. */
export interface ChosenHosts {
  readonly between: readonly Between[];
  readonly where: string;
  readonly words: string;
}

/** Options of commands that read captures or watch an interface. */
export function withHostOptions(command: Command): Command {
  return command
    .option(
      '--host <host>',
      'only what this host says and is told, by address or name, in tags and tunnels too (repeatable)',
      more,
    )
    .option(
      '--session <client,server>',
      'only what this client says to this server and is told by it, by addresses or names (repeatable)',
      more,
    );
}

/** Looks the hosts up that were named; null where none was. @throws UsageError */
export async function chosenHosts({ host = [], session = [] }: HostFlags): Promise<ChosenHosts | null> {
  const chosen: Chosen[] = [];
  for (const name of host) chosen.push(await ofHost(name));
  for (const pair of session) chosen.push(await ofSession(pair));
  if (chosen.length === 0) return null;
  return {
    between: chosen.map(({ between }) => between),
    where: chosen.map(({ where }) => `(${where})`).join(' || '),
    words: chosen.map(({ words }) => words).join(', '),
  };
}

/** An expression of --where that holds for what was chosen, and for which another holds too. */
export function narrowed(chosen: ChosenHosts | null, where: string | undefined): string | undefined {
  if (chosen === null) return where;
  return where === undefined ? chosen.where : `(${chosen.where}) && (${where})`;
}

/** Whose packets alone are kept, and with which filter they are captured, behind the word that watching began. */
export function chosenText(chosen: ChosenHosts | null, filter: string): string {
  return chosen === null ? '' : `; only packets of ${chosen.words}, and of Kerberos; filter: ${filter}`;
}

function more(one: string, before: readonly string[] = []): readonly string[] {
  return [...before, one];
}

interface Chosen {
  readonly between: Between;
  readonly where: string;
  readonly words: string;
}

async function ofHost(name: string): Promise<Chosen> {
  const one = await addressesOf('--host', name);
  return {
    between: { one, other: null },
    where: `${end('client', one)} || ${end('server', one)}`,
    words: shown(name, one),
  };
}

async function ofSession(pair: string): Promise<Chosen> {
  const names = pair.split(',').map((name) => name.trim());
  const [client = '', server = ''] = names;
  if (names.length !== 2 || client === '' || server === '')
    throw new UsageError(`--session ${pair}: a client and a server are wanted: --session build-42,wsus`);
  const one = await addressesOf('--session', client);
  const other = await addressesOf('--session', server);
  return {
    between: { one, other },
    where: `(${end('client', one)}) && (${end('server', other)})`,
    words: `${shown(client, one)} to ${shown(server, other)}`,
  };
}

function end(side: 'client' | 'server', addresses: readonly string[]): string {
  return addresses.map((address) => `${side}.address == "${address}"`).join(' || ');
}

function shown(name: string, addresses: readonly string[]): string {
  return isIP(name) === 0 ? `${name} (${addresses.join(', ')})` : (addresses[0] ?? name);
}

/** Addresses of a host given by address or name, as calls show them; of a name all that it resolves to. */
async function addressesOf(option: string, host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [canonical(host)];
  const addresses = await lookup(host, { all: true }).catch((error: unknown) => {
    throw new UsageError(`${option} ${host}: no address is known for it (${messageOf(error)})`);
  });
  return [...new Set(addresses.map(({ address }) => canonical(address)))];
}

/** One text for every way to write an address; packets do not tell a zone. */
function canonical(text: string): string {
  const [address = ''] = text.split('%');
  return isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}
