/** One room of the house: what it holds, and which rooms it may open. */
export interface Room {
  readonly path: string;
  readonly does: string;
  /**
   * Rooms or files it may import from, besides itself. A room is that room alone: its sub-rooms, and the room around it,
   * want a name of their own. '*' is every room below src/io that does not touch the world.
   */
  readonly opens: readonly string[];
  /** Touches sockets, files, clocks or the process. */
  readonly world?: true;
  /** Waits for what it is given, though it touches nothing of the world itself. */
  readonly waits?: true;
}

const BASE = ['src/types', 'src/bytes'] as const;
const READS = [
  'src/capture',
  'src/net',
  'src/smb',
  'src/rpc',
  'src/security',
  'src/ndr',
  'src/dcom',
  'src/analysis',
] as const;
/** What tables may open of src/ndr: descriptors, numbers of automation, and the types of codecs and transforms. */
const TABLES = ['src/ndr/types', 'src/ndr/automation', 'src/ndr/describe', 'src/ndr/codec', 'src/ndr/value'] as const;
const ANALYSIS = [
  ...BASE,
  'src/capture',
  'src/net',
  'src/smb',
  'src/rpc',
  'src/security',
  'src/ndr',
  'src/dcom',
] as const;
const OUTPUT = [...BASE, 'src/analysis', 'src/ndr/codec', 'src/ndr/json', 'src/ndr/value'] as const;
/** The top of the house, over what '*' names. */
const TOP = ['*', 'src/io', 'src/io/live', 'src/io/serve', 'src/io/lake', 'src/io/index', 'src/cli'] as const;
const TUI = [...OUTPUT, 'src/output', 'src/where'] as const;
const PEER = [...BASE, 'src/rpc', 'src/security', 'src/ndr', 'src/dcom', 'src/analysis'] as const;

/**
 * Every room and sub-room, in the order of the way of the data. docs/architecture.md shows this table;
 * test/architecture holds it.
 */
export const ROOMS: readonly Room[] = [
  { path: 'src/types', does: 'the values handed from room to room', opens: [] },
  { path: 'src/bytes', does: 'bounded reads, writes, GUIDs, checksums, frames of LZ4 and zstd', opens: ['src/types'] },
  { path: 'src/capture', does: 'pcap and pcapng to frames, and the writers', opens: BASE },
  {
    path: 'src/net',
    does: 'link layers, IP with fragments, TCP streams',
    opens: [...BASE, 'src/net/layers'],
  },
  {
    path: 'src/net/layers',
    does: 'what follows what: link types, tags and tunnels, as tables',
    opens: [...BASE, 'src/net'],
  },
  {
    path: 'src/smb',
    does: 'SMB messages to the bytes of named pipes, each open of one a connection',
    opens: BASE,
  },
  { path: 'src/rpc', does: 'PDU codec, framing by content, contexts, fragments, pairing by call id', opens: BASE },
  {
    path: 'src/security',
    does: 'what the mechanisms share, and the observer of handshakes',
    opens: [...BASE, 'src/security/spnego', 'src/security/ntlm', 'src/security/kerberos', 'src/security/smb'],
  },
  {
    path: 'src/security/spnego',
    does: 'SPNEGO: which mechanism is spoken',
    opens: [...BASE, 'src/security', 'src/security/ntlm'],
  },
  { path: 'src/security/ntlm', does: 'NTLM: messages, keys, signing and sealing', opens: [...BASE, 'src/security'] },
  {
    path: 'src/security/kerberos',
    does: 'Kerberos: tickets, keytabs, etypes',
    opens: [...BASE, 'src/security', 'src/security/spnego'],
  },
  {
    path: 'src/security/smb',
    does: 'sessions of SMB 3: their keys, and opening what they encrypt',
    opens: [...BASE, 'src/smb/protection', 'src/security', 'src/security/ntlm', 'src/security/kerberos'],
  },
  { path: 'src/ndr', does: 'descriptor language and its compiler; NDR20, NDR64', opens: BASE },
  { path: 'src/ndr/idl', does: 'MIDL text to descriptors', opens: [...BASE, 'src/ndr'] },
  {
    path: 'src/dcom',
    does: 'what DCOM says, once: names, references, activation, bindings, objects',
    opens: [...BASE, 'src/ndr'],
  },
  { path: 'src/where', does: 'the expression language of --where', opens: BASE },
  {
    path: 'dissectors',
    does: 'the tables, put together',
    opens: [
      ...TABLES,
      'dissectors/epm',
      'dissectors/dcom',
      'dissectors/oaut',
      'dissectors/opc',
      'dissectors/uamg',
      'dissectors/errors',
    ],
  },
  { path: 'dissectors/epm', does: 'the endpoint mapper', opens: [...TABLES, 'dissectors'] },
  { path: 'dissectors/dcom', does: '[MS-DCOM]', opens: [...TABLES, 'dissectors'] },
  { path: 'dissectors/oaut', does: '[MS-OAUT]', opens: [...TABLES, 'dissectors'] },
  { path: 'dissectors/opc', does: 'OPC DA', opens: [...TABLES, 'dissectors'] },
  { path: 'dissectors/uamg', does: '[MS-UAMG] and its SDK', opens: [...TABLES, 'dissectors'] },
  { path: 'dissectors/errors', does: 'names and causes of codes', opens: [...TABLES, 'dissectors'] },
  {
    path: 'dissectors/wellknown',
    does: 'names of public interfaces and classes that no table decodes',
    opens: [],
  },
  {
    path: 'dissectors/wellknown/make',
    does: 'the script that reads them from the specifications',
    opens: ['dissectors/wellknown'],
    world: true,
  },
  { path: 'src/analysis', does: 'exchanges to calls: registry, late binding, objects, statistics', opens: ANALYSIS },
  { path: 'src/analysis/rules', does: 'calls held to the rules of the tables', opens: [...ANALYSIS, 'src/analysis'] },
  {
    path: 'src/analysis/story',
    does: 'sessions, steps and tables as the tables tell them',
    opens: [...ANALYSIS, 'src/analysis'],
  },
  {
    path: 'src/pipeline',
    does: 'the one loop: capture to records',
    opens: [...BASE, ...READS, 'src/analysis/rules', 'src/output/names'],
    waits: true,
  },
  {
    path: 'src/pipeline/state',
    does: 'all that a pipeline knows, as bytes and back',
    opens: [
      ...BASE,
      ...READS,
      'src/analysis/rules',
      'src/security/spnego',
      'src/security/ntlm',
      'src/security/kerberos',
      'src/security/smb',
    ],
  },
  {
    path: 'src/peer',
    does: 'what makes traffic: sockets and clock as arguments',
    opens: [...PEER, 'src/peer/link'],
  },
  {
    path: 'src/peer/link',
    does: "one association, client's and server's role",
    opens: [...BASE, 'src/rpc', 'src/security', 'src/peer'],
  },
  {
    path: 'src/peer/client',
    does: 'a DCOM client: activates, calls, pings, releases',
    opens: [...PEER, 'src/peer', 'src/peer/link'],
    waits: true,
  },
  {
    path: 'src/peer/server',
    does: 'a DCOM server over the tables: exporter, objects, automation',
    opens: [...PEER, 'src/peer'],
  },
  { path: 'src/output', does: 'calls to text, tree, NDJSON, JUnit', opens: OUTPUT },
  {
    path: 'src/output/lake',
    does: 'records to the columns of tables, Parquet and CSV',
    opens: [...OUTPUT, 'src/output'],
  },
  {
    path: 'src/output/schema',
    does: 'the forms of outputs, as schemas',
    opens: [...OUTPUT, 'src/output', 'src/output/report'],
  },
  {
    path: 'src/output/report',
    does: 'gathers a report while a capture is read',
    opens: [...OUTPUT, 'src/analysis/story', 'src/output'],
  },
  {
    path: 'src/output/report/html',
    does: 'lays a report out as one page',
    opens: [...OUTPUT, 'src/output', 'src/output/report'],
  },
  {
    path: 'src/tui',
    does: 'the terminal analyzer: state, reduce, keys, palette',
    opens: [...TUI, 'src/tui/panes'],
  },
  { path: 'src/tui/panes', does: 'state to lines, one file a pane', opens: [...TUI, 'src/tui'] },
  {
    path: 'src/tui/session',
    does: 'what the analyzer knows of one input',
    opens: [...TUI, 'src/security', 'src/pipeline', 'src/tui'],
  },
  { path: 'src/tui/screen', does: 'the terminal itself', opens: [...TUI, 'src/tui'], world: true },
  {
    path: 'replay/recording',
    does: 'the .uamgrec format, its text form, migrations, the recorder',
    opens: [...BASE, 'src/ndr/value', 'src/dcom'],
  },
  {
    path: 'replay/compare',
    does: 'rules, identity, typed comparison, alignment, calls made again from records',
    opens: [...BASE, 'src/ndr', 'src/dcom', 'src/analysis', 'replay/recording'],
  },
  {
    path: 'replay/results',
    does: 'what a comparison came to, as lines, NDJSON and JUnit',
    opens: [...BASE, 'src/output', 'replay/recording', 'replay/compare'],
  },
  {
    path: 'replay/player',
    does: 'a recording played against a server',
    opens: [...PEER, 'src/peer', 'src/peer/link', 'src/peer/client', 'replay/recording', 'replay/compare'],
  },
  {
    path: 'replay/redaction',
    does: 'names in a recording, and pseudonyms for them',
    opens: ['src/dcom', ...BASE, 'src/ndr', 'replay/recording', 'replay/player'],
  },
  {
    path: 'replay/responder',
    does: 'a recording played to a client',
    opens: [
      ...PEER,
      'src/peer',
      'src/peer/link',
      'src/peer/server',
      'replay/recording',
      'replay/compare',
      'replay/player',
    ],
  },
  {
    path: 'replay/agent',
    does: 'the update agent of [MS-UAMG]: its model and its objects',
    opens: [...PEER, 'src/peer/server'],
  },
  { path: 'src/io', does: 'files, decompression, the tables made ready', opens: ['*'], world: true },
  {
    path: 'src/io/live',
    does: 'packets of an interface, taken by a thread of their own',
    opens: [...BASE, 'src/capture', 'src/net', 'src/io'],
    world: true,
  },
  { path: 'src/io/serve', does: 'listening: an agent, or a recording', opens: ['*', 'src/io'], world: true },
  {
    path: 'src/io/lake',
    does: 'tables of captures on the disk, and the manifests of what is in them',
    opens: ['*', 'src/io'],
    world: true,
  },
  {
    path: 'src/io/index',
    does: 'what was read of captures, kept to open them again',
    opens: ['*', 'src/io', 'src/io/lake'],
    world: true,
  },
  { path: 'src/cli', does: 'what commands share: options, lines, exit status', opens: TOP, world: true },
  { path: 'src/cli/cli', does: 'the program: its list of commands', opens: [...TOP, 'src/cli/commands'], world: true },
  {
    path: 'src/cli/commands',
    does: 'one file a command',
    opens: [...TOP, 'src/cli/call', 'src/cli/report', 'src/cli/tui'],
    world: true,
  },
  { path: 'src/cli/call', does: 'results of `call` as text', opens: TOP, world: true },
  { path: 'src/cli/report', does: 'reports of captures and recordings', opens: TOP, world: true },
  {
    path: 'src/cli/tui',
    does: 'the terminal analyzer on a terminal',
    opens: [...TOP, 'src/tui/screen'],
    world: true,
  },
  {
    path: 'src/library',
    does: 'functions of the library that read captures',
    opens: [...TOP, 'src/cli/report'],
    world: true,
  },
  { path: 'src/index', does: 'the library', opens: [...TOP, 'src/library'], world: true },
  { path: 'src/main', does: 'argv to a command', opens: ['src/cli/cli'], world: true },
  {
    path: 'captures/make',
    does: 'sample captures and the scripts that make them',
    opens: ['*', 'src/io', 'test/interop/agents'],
    world: true,
  },
];

/** Modules and globals that touch the world. */
const WORLD = new RegExp(
  [
    /(?:\bfrom|\bimport|\bimport\(|\brequire\()\s*['"](?:node:)?/.source +
      /(?:fs|net|tls|http|https|http2|dns|worker_threads|child_process|cluster|os|tty|dgram|timers|readline|process)/
        .source +
      /(?:\/[^'"]*)?['"]/.source,
    /\b(?:Date\.now|setTimeout|setInterval|setImmediate|process\.|performance\.now)\b/.source,
    /\bnew Date(?:\(\s*\)|(?=\s*[;,)]))/.source,
  ].join('|'),
);

/** Source texts by path, e.g. `src/rpc/pdu.ts`. */
export type Sources = ReadonlyMap<string, string>;

function inside(path: string, room: string): boolean {
  return path === room || path === `${room}.ts` || path.startsWith(`${room}/`);
}

/** The innermost room of a file, or null. */
export function roomOf(path: string): Room | null {
  const rooms = ROOMS.filter((one) => inside(path, one.path));
  return rooms.toSorted((a, b) => b.path.length - a.path.length)[0] ?? null;
}

/** Directories that hold a source file and have no row of their own. */
export function roomless(sources: Sources): string[] {
  const known = new Set(ROOMS.map((one) => one.path));
  const bare = [...sources.keys()].filter((file) => {
    const room = roomOf(file);
    return room === null || (file.slice(0, file.lastIndexOf('/')) !== room.path && `${room.path}.ts` !== file);
  });
  return bare.filter((file) => !known.has(file.slice(0, file.lastIndexOf('/'))));
}

/** What a file imports from its own house, as paths without ending. */
export function imports(path: string, source: string): string[] {
  const from = path.split('/').slice(0, -1);
  return [...source.matchAll(/\b(?:from|import|import\()\s*['"](\.[^'"]+)['"]/g)].map((match) => {
    const at = [...from];
    for (const step of (match[1] ?? '').replace(/\.js$/, '').split('/')) {
      if (step === '..') at.pop();
      else if (step !== '.') at.push(step);
    }
    return at.join('/');
  });
}

/** Rooms that '*' does not open. */
const HIGH = ['src/io', 'src/cli', 'src/library', 'src/index', 'src/main', 'captures'];

function isBelow(room: Room): boolean {
  return room.world !== true && !HIGH.some((high) => inside(room.path, high));
}

/** Imports against the rows, as sentences. */
export function forbidden(sources: Sources): string[] {
  const broken: string[] = [];
  for (const [file, source] of sources) {
    const room = roomOf(file);
    if (room === null) continue;
    for (const target of imports(file, source)) {
      const other = roomOf(target);
      if (other === room) continue;
      const named = room.opens.some((door) => door === target || door === other?.path);
      if (!named && !(room.opens.includes('*') && other !== null && isBelow(other))) {
        broken.push(`${file} imports ${target}`);
      }
    }
  }
  return broken;
}

/** Files that touch the world and may not. */
export function worldly(sources: Sources): string[] {
  return violations(sources, WORLD, (room) => room.world === true);
}

/** Files that wait (async, await, promises) and may not. */
export function asynchronous(sources: Sources): string[] {
  const waiting = /\b(?:async|await|Promise)\b/;
  return violations(sources, waiting, (room) => room.world === true || room.waits === true);
}

function violations(sources: Sources, pattern: RegExp, allowed: (room: Room) => boolean): string[] {
  return [...sources].flatMap(([file, source]) => {
    const room = roomOf(file);
    if (room !== null && allowed(room)) return [];
    const found = pattern.exec(source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, ''));
    return found === null ? [] : [`${file}: ${found[0]}`];
  });
}

/** Circles of files that import one another, types included: each as its files in order of path. */
export function cycles(sources: Sources): string[] {
  const edges = new Map<string, readonly string[]>();
  for (const [file, source] of sources) {
    edges.set(
      file,
      imports(file, source)
        .map((target) => `${target}.ts`)
        .filter((target) => sources.has(target)),
    );
  }
  // Tarjan's strongly connected components, with a stack of its own.
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const found: string[] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) ?? 0);
    open.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (open.includes(next)) low.set(file, Math.min(low.get(file) ?? 0, low.get(next) ?? 0));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) found.push(circle.toSorted().join(' ~ '));
  };
  for (const file of edges.keys()) if (!index.has(file)) visit(file);
  return found.toSorted();
}

/** The table of docs/architecture.md. */
export function roomTable(): string {
  const shown = (room: Room): string => {
    const opens = room.opens.filter((door, at) => room.opens.indexOf(door) === at && door !== room.path);
    return opens.length === 0
      ? 'nothing'
      : opens.map((door) => (door === '*' ? 'all below src/io' : door.replace(/^src\//, ''))).join(', ');
  };
  const rows = ROOMS.map((room) => `| \`${room.path}\` | ${room.does} | ${shown(room)} |`);
  return ['| room | does | opens |', '|---|---|---|', ...rows].join('\n');
}
