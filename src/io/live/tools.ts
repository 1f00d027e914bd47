import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Between } from '../../net/hosts.js';
import { runChild } from '../children.js';
import { UsageError } from '../streams.js';

export type ToolName = 'tcpdump' | 'dumpcap';
export const BACKENDS = ['auto', 'tcpdump', 'dumpcap', 'cap'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Connectionless PDUs, as far as their first bytes tell ([C706] 12.5.2): servers listen on ports they pick themselves. */
const RPC_DATAGRAMS: readonly string[] = [
  '(udp[8] = 4 and udp[9] < 11 and udp[12] & 0xee = 0 and udp[14] = 0)',
  '(ip6[6] = 17 and ip6[48] = 4 and ip6[49] < 11 and ip6[52] & 0xee = 0 and ip6[54] = 0)',
];
/** Where calls are. Without ssh, or watching over ssh would watch itself. */
const CALLS: readonly string[] = ['(tcp and not port 22)', ...RPC_DATAGRAMS];
/** What belongs to them and may go elsewhere, or does not say what it is: tickets, refusals, fragments. */
const BESIDES: readonly string[] = [
  '(port 88)',
  '(icmp[0] = 3)',
  '(icmp6 and ip6[40] = 1)',
  '(ip[6:2] & 0x1fff != 0)',
  '(ip6 proto 0 or 43 or 44 or 60)',
];
/**
 * Everything a DCOM session may need, on whatever port: RPC servers listen on ports they pick themselves, and which,
 * only traffic that may have passed already tells. Fragments have no ports.
 */
export const PLAIN_FILTER = [...CALLS, ...BESIDES].join(' or ');
/**
 * Types of Ethernet behind which headers lie elsewhere: tags, PPPoE, labels, and what `src/net/layers` looks through
 * besides. The words `vlan` and `mpls` of the filter language would move every offset behind them.
 */
const TAGGED: readonly number[] = [
  0x8100, 0x88a8, 0x9100, 0x9200, 0x9300, 0x8847, 0x8848, 0x8864, 0x88e7, 0x8926, 0x893f, 0x8909, 0x88e5, 0x892f,
  0x894f,
];
const TUNNEL_PORTS: readonly number[] = [1701, 2152, 3544, 4341, 4500, 4754, 4789, 4790, 6081, 6635, 8472, 37_008];
const TUNNEL_PROTOCOLS: readonly number[] = [4, 41, 47, 50, 51, 94, 97, 98, 115, 137, 143];
/** Whatever may have a call inside: that is told apart when it is taken out. */
const WRAPPED: readonly string[] = [
  ...TAGGED.map((type) => `ether proto 0x${type.toString(16)}`),
  `udp port ${TUNNEL_PORTS.join(' or ')}`,
  `ip proto ${TUNNEL_PROTOCOLS.join(' or ')}`,
  `ip6 proto ${TUNNEL_PROTOCOLS.join(' or ')}`,
];

/** What is captured unless a filter is given. */
interface Filters {
  readonly plain: string;
  /** The same, and what may have such packets inside; not every interface takes it. */
  readonly all: string;
}

/**
 * Filters for packets between hosts, or for all. What is in tags and tunnels, or tells no hosts, passes: only when it is
 * taken out it shows whose it is.
 */
export function filtersFor(hosts: readonly Between[] | null): Filters {
  const plain =
    hosts === null ? PLAIN_FILTER : [`((${CALLS.join(' or ')}) and ${betweenText(hosts)})`, ...BESIDES].join(' or ');
  return { plain, all: [plain, ...WRAPPED].join(' or ') };
}

function betweenText(hosts: readonly Between[]): string {
  const pairs = hosts.map(({ one, other }) => (other === null ? anyOf(one) : `(${anyOf(one)} and ${anyOf(other)})`));
  return `(${pairs.join(' or ')})`;
}

function anyOf(addresses: readonly string[]): string {
  return `(${addresses.map((one) => `host ${one}`).join(' or ')})`;
}

/**
 * Kernel buffer, in MiB: bursts wait there while the tool waits for its turn. tcpdump hands packets on at once, and
 * pays with a place of
 * 128 KiB for each on interfaces that put segments together, loopback among them; dumpcap's lie close to one another.
 */
const BUFFER_MIB: Readonly<Record<ToolName, number>> = { tcpdump: 128, dumpcap: 32 };
const SNAP_LENGTH = 262_144;

/** Path of a program, or null. */
export function find(name: string, env: Readonly<Record<string, string | undefined>>): string | null {
  // Capture tools stand where only root looks.
  const folders = [...(env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  for (const folder of folders) {
    if (folder === '') continue;
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/**
 * Tools in the order in which they are tried. tcpdump first: it hands packets on at once, where dumpcap waits up to 250
 * ms, and it tells of drops while it runs. dumpcap may be allowed to capture where tcpdump is not. @throws UsageError
 * when there is none
 */
export function toolsFor(
  backend: 'auto' | ToolName,
  env: Readonly<Record<string, string | undefined>>,
): readonly { readonly name: ToolName; readonly path: string }[] {
  const names: readonly ToolName[] = backend === 'auto' ? ['tcpdump', 'dumpcap'] : [backend];
  const found = names.flatMap((name) => {
    const path = find(name, env);
    return path === null ? [] : [{ name, path }];
  });
  if (found.length > 0) return found;
  throw new UsageError(
    backend === 'auto'
      ? 'no capture tool is installed: install tcpdump or dumpcap (Debian: apt install tcpdump), or capture elsewhere and decode the file'
      : `${backend} is not installed: install it (Debian: apt install ${backend === 'dumpcap' ? 'wireshark-common' : 'tcpdump'}), or leave --backend out`,
  );
}

/** Arguments that make a tool write packets to stdout as soon as they come. */
export function argumentsFor(name: ToolName, iface: string, filter: string): readonly string[] {
  return name === 'tcpdump'
    ? [
        '-i',
        iface,
        '-n',
        '-U',
        '--immediate-mode',
        '--time-stamp-precision=nano',
        '-s',
        String(SNAP_LENGTH),
        '-B',
        String(BUFFER_MIB.tcpdump * 1024),
        '-w',
        '-',
        '--',
        filter,
      ]
    : ['-q', '-i', iface, '-s', String(SNAP_LENGTH), '-B', String(BUFFER_MIB.dumpcap), '-f', filter, '-w', '-'];
}

/** What went wrong, in words that say what to do. */
export type Failure = {
  readonly kind: 'permission' | 'interface' | 'filter' | 'vlan' | 'gone' | 'other';
  readonly message: string;
};

/** `12 packets received by filter`: no reason to end. */
const COUNT = /^(tcpdump: )?\d+ packets? (captured|received by filter|dropped by (kernel|interface))/;

/** Makes sense of what a tool wrote on stderr before it gave up. */
export function failureOf(tool: string, iface: string, said: string): Failure {
  const text = said
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .filter(
      (line) => line !== '' && !/^(Capturing on|File:|listening|tcpdump: listening)/.test(line) && !COUNT.test(line),
    )
    .join(' ');
  if (/permission|not permitted|EPERM|are you root|don't have permission/i.test(said)) {
    return {
      kind: 'permission',
      message: `${tool} may not capture on ${iface}: run as root, or allow it once (sudo setcap cap_net_raw,cap_net_admin+eip "$(command -v ${tool})"${tool === 'dumpcap' ? ', or join the group wireshark' : ''})`,
    };
  }
  if (/went down|disappeared|no longer|network is down|is not up|device removed/i.test(said))
    return {
      kind: 'gone',
      message: `the interface ${iface} went away while it was watched: ${text}; what was captured before is shown`,
    };
  if (/no such device|no device named|does not exist|doesn't exist|unknown interface/i.test(said))
    return { kind: 'interface', message: `there is no interface ${iface}: live --list shows those there are` };
  if (/vlan/i.test(said) && /support|filter/i.test(said)) return { kind: 'vlan', message: text };
  if (
    /syntax error|invalid capture filter|parse filter|filter expression|illegal token|unknown host|expression rejects/i.test(
      said,
    )
  )
    return {
      kind: 'filter',
      message: `the filter is not understood: ${text} (man pcap-filter describes the language)`,
    };
  return { kind: 'other', message: text === '' ? `${tool} ended without a word` : `${tool}: ${text}` };
}

/** Packets the kernel dropped, by the last count in what a tool said; null when it told none. */
export function dropsIn(said: string): number | null {
  let drops: number | null = null;
  for (const match of said.matchAll(
    /(\d+) packets? dropped by kernel|received\/dropped on interface '[^\n]*': \d+\/(\d+)/g,
  ))
    drops = Number(match[1] ?? match[2]);
  return drops;
}

/** Names of interfaces with a word on each. @throws UsageError */
export function interfaces(
  env: Readonly<Record<string, string | undefined>>,
  backend: 'auto' | ToolName = 'auto',
): readonly string[] {
  let said = '';
  for (const { name, path } of toolsFor(backend, env)) {
    const { status, stdout, stderr } = runChild(path, ['-D'], { timeout: 10_000 });
    const lines = stdout
      .split('\n')
      .map((line) => line.replace(/^\d+\.\s*/, '').trim())
      .filter((line) => line !== '');
    if (status === 0 && lines.length > 0) return lines;
    said = `${name}: ${stderr.trim() || 'no interface can be opened: run as root'}`;
  }
  throw new UsageError(said);
}
