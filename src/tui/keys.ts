/** Groups of the help, in their order. */
export type Group = 'moving' | 'panes' | 'finding' | 'marking' | 'watching' | 'taking along';

interface Entry {
  readonly action: string;
  /** Names of keys, as the screen gives them. */
  readonly keys: readonly string[];
  readonly help: string;
  readonly group: Group;
}

/**
 * Every key but those that show a pane, once: the screen's keys and the help are both made from this table. What an
 * action does stands in actions.ts.
 */
const TABLE = [
  { action: 'down', keys: ['j', 'down'], group: 'moving', help: 'one line down' },
  { action: 'up', keys: ['k', 'up'], group: 'moving', help: 'one line up' },
  { action: 'left', keys: ['h', 'left'], group: 'moving', help: 'fold; move the calls sideways; one byte back' },
  { action: 'right', keys: ['l', 'right'], group: 'moving', help: 'unfold; move the calls sideways; one byte on' },
  { action: 'page-down', keys: ['pagedown', 'C-f'], group: 'moving', help: 'one page down' },
  { action: 'page-up', keys: ['pageup', 'C-b'], group: 'moving', help: 'one page up' },
  { action: 'half-down', keys: ['C-d'], group: 'moving', help: 'half a page down' },
  { action: 'half-up', keys: ['C-u'], group: 'moving', help: 'half a page up' },
  { action: 'top', keys: ['g', 'home'], group: 'moving', help: 'to the first line' },
  { action: 'bottom', keys: ['G', 'end'], group: 'moving', help: 'to the last line' },
  { action: 'next-pane', keys: ['tab'], group: 'panes', help: 'next pane' },
  { action: 'previous-pane', keys: ['S-tab'], group: 'panes', help: 'previous pane' },
  {
    action: 'enter',
    keys: ['enter'],
    group: 'panes',
    help: 'look closer: the call, its field, its bytes; fold or unfold',
  },
  { action: 'back', keys: ['escape'], group: 'panes', help: 'back' },
  { action: 'zoom', keys: ['z'], group: 'panes', help: 'the pane alone on the screen, and back' },
  { action: 'fold', keys: ['e'], group: 'panes', help: 'fold or unfold the field' },
  { action: 'fold-all', keys: ['E'], group: 'panes', help: 'unfold all fields, and back' },
  { action: 'side', keys: ['b'], group: 'panes', help: 'bytes of the request or of the response' },
  {
    action: 'wire',
    keys: ['w'],
    group: 'panes',
    help: 'bytes as they were on the wire, or opened (with --password, --nt-hash, --keytab or --keys)',
  },
  {
    action: 'filter',
    keys: ['f'],
    group: 'finding',
    help: 'filter: an expression as of --where; tab completes, up and down go through earlier ones',
  },
  { action: 'clear-filter', keys: ['c'], group: 'finding', help: 'show all calls again' },
  { action: 'filter-object', keys: ['O'], group: 'finding', help: 'show only the calls of this object' },
  { action: 'search', keys: ['/'], group: 'finding', help: 'search in this pane: words, ~pattern, #4d 5a for bytes' },
  { action: 'next-found', keys: ['n'], group: 'finding', help: 'next place found' },
  { action: 'previous-found', keys: ['N'], group: 'finding', help: 'previous place found' },
  { action: 'next-failed', keys: [']'], group: 'finding', help: 'next call that failed' },
  { action: 'previous-failed', keys: ['['], group: 'finding', help: 'previous call that failed' },
  { action: 'sort', keys: ['S'], group: 'finding', help: 'sort by latency, result, member, or not at all' },
  {
    action: 'command',
    keys: [':'],
    group: 'finding',
    help: 'command: a number goes to a call, :help tells the others',
  },
  { action: 'mark', keys: ['space'], group: 'marking', help: 'mark the call, or unmark it' },
  { action: 'clear-marks', keys: ['u'], group: 'marking', help: 'unmark all calls' },
  {
    action: 'note',
    keys: ['a'],
    group: 'marking',
    help: 'write a note on the call; kept beside the capture, and exported with its packets',
  },
  { action: 'set-mark', keys: ['m'], group: 'marking', help: 'and a letter: remember this place' },
  { action: 'go-mark', keys: ["'"], group: 'marking', help: 'and a letter: go to a remembered place' },
  {
    action: 'fold-upkeep',
    keys: ['U'],
    group: 'finding',
    help: 'fold look-ups and upkeep away (GetIDsOfNames, references, pings), and back',
  },
  { action: 'reference', keys: ['t'], group: 'finding', help: 'count times from this call, and back to times of day' },
  { action: 'follow', keys: ['F'], group: 'watching', help: 'follow: stay on the newest call' },
  { action: 'pause', keys: ['p'], group: 'watching', help: 'pause: new calls wait; reading goes on' },
  { action: 'stop', keys: ['C-c'], group: 'watching', help: 'stop a replay, or reading; once it is stopped, leave' },
  { action: 'redraw', keys: ['C-l'], group: 'watching', help: 'draw the screen anew' },
  { action: 'suspend', keys: ['C-z'], group: 'watching', help: 'to the shell; fg comes back' },
  {
    action: 'export',
    keys: ['x'],
    group: 'taking along',
    help: 'and c, n, r or p: marked calls (or all shown) as capture, NDJSON, recording, or a replay command',
  },
  {
    action: 'unlock',
    keys: ['K'],
    group: 'watching',
    help: 'enter a password (user:password) that opens protected calls; the capture is read anew',
  },
  {
    action: 'replay',
    keys: ['r'],
    group: 'taking along',
    help: 'replay the session of this call, or the marked calls and what they need, to a target; compare the answers',
  },
  {
    action: 'copy',
    keys: ['y'],
    group: 'taking along',
    help: 'and y, v, b, h or f: copy the call, value, bytes, hex of the field, or a filter for it',
  },
  { action: 'quit', keys: ['q'], group: 'taking along', help: 'leave' },
] as const satisfies readonly Entry[];

/** What a key does. */
export type Action = (typeof TABLE)[number]['action'];

export interface Binding extends Entry {
  readonly action: Action;
}

export const BINDINGS: readonly Binding[] = TABLE;

/** Commands after `:`, with what they take; what each does stands in commands.ts. */
const LIST = [
  { name: 'filter', takes: 'EXPR', help: 'show calls for which it holds' },
  { name: 'all', takes: '', help: 'show all calls' },
  { name: 'frame', takes: 'N', help: 'to the call that holds this frame' },
  { name: 'columns', takes: 'NAMES', help: 'choose the columns of the calls' },
  { name: 'sort', takes: 'KEY', help: 'latency, result, member or none' },
  { name: 'capture', takes: 'FILE', help: 'write the connections of the marked calls as a capture' },
  { name: 'ndjson', takes: 'FILE', help: 'write the marked calls as NDJSON' },
  { name: 'record', takes: 'FILE', help: 'write the marked calls, with what they need, or all shown as a recording' },
  {
    name: 'replay',
    takes: '[[DOMAIN\\]USER@]HOST[:PORT]',
    help: 'replay the session of this call, or the marked calls',
  },
  {
    name: 'write',
    takes: 'FILE',
    help: 'write the marked calls, or all shown, as FILE ends: .pcapng, .ndjson, .uamgrec',
  },
  { name: 'stop', takes: '', help: 'stop reading' },
  { name: 'help', takes: '', help: 'keys and commands' },
  { name: 'quit', takes: '', help: 'leave' },
] as const;

export type CommandName = (typeof LIST)[number]['name'];

export const COMMANDS: readonly { readonly name: CommandName; readonly takes: string; readonly help: string }[] = LIST;
