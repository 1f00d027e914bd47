import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/cli.js';
import { knowledge } from '../../src/io/knowledge.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

/** Options that name a file, or what holds one, and only read it. */
const READS = ['--idl', '--idl-path', '--keytab', '--ccache', '--keys', '--rules', '--model', '--scenario'] as const;
/** Options that take something else in angle brackets. */
const OTHERS =
  /<(?:expr|n|n\|all|format|numbering|names|severity|when|host|client,server|number|time|size|user:pass|user:hex|name|kinds|text|bpf|tool|\[host\]:port|host:port|host\[:port\]|product|level|what|policy|user|domain|speed|how|seconds|command|i\/n|class|interface|pass|theme|regex|list)>/;

/** The row of docs/security.md for each option by which a command writes a file. */
const WRITES: Readonly<Record<string, string>> = {
  'decode --write': 'decode -w',
  'decode --export-keys': 'decode --export-keys',
  'report --output': 'report',
  'report --index': 'report --index',
  'report --export-keys': 'report --export-keys',
  'record --output': 'record',
  'record --append': 'record --append',
  'record --redact': 'record --redact',
  'record --export-keys': 'record --export-keys',
  'recording trim --output': 'recording trim',
  'recording redact --output': 'recording redact',
  'recording redact --redact': 'recording redact',
  'recording merge --output': 'recording merge',
  'diff --export-keys': 'diff --export-keys',
  'live --write': 'live -w',
  'live --export-keys': 'live --export-keys',
  'serve --capture': 'serve --capture',
  'serve --record': 'serve --record',
  'replay --junit': 'replay --junit',
  'replay --report': 'replay --report',
  'replay --learn-noise': 'replay --learn-noise',
  'replay --update': 'replay --update',
  'test --junit': 'test --junit',
  'test --update': 'test --update',
  'test --record-if-missing': 'test --record-if-missing',
  'call --capture': 'call --capture',
  'query --output': 'query -o',
  'query --export-keys': 'query --export-keys',
  'export --output': 'export',
  'export --state': 'export --state',
  'export --export-keys': 'export --export-keys',
  // The thread of `live` writes it.
  'tui --write': 'live -w',
  // By the same class as that of `report`.
  'tui --index': 'report --index',
};
/** Options without a value that make a command write. */
const BARE = ['--append', '--update', '--record-if-missing', '--redact'];
/** What a row is wanted for; each matches one of the faults of its rows. */
const FAULTS = [/^SIGKILL/, /SIGTERM/, /SIGHUP/, /ENOSPC/, /EROFS/, /EIO/, /^another process/];

let program: Command;
beforeAll(async () => {
  program = await commands(
    undefined,
    testStreams(),
    async () => knowledge(),
    () => undefined,
  );
}, 60_000);

function each(command: Command, name = ''): readonly (readonly [command: string, option: Option])[] {
  return command.commands.flatMap((one) => {
    const full = `${name} ${one.name()}`.trim();
    return [...one.options.map((option) => [full, option] as const), ...each(one, full)];
  });
}

/** Options of all commands that could write: those with a file, and bare ones that are known to. */
function writers(): readonly string[] {
  return each(program).flatMap(([command, { long, flags, hidden }]) => {
    if (long == null || hidden || READS.some((one) => one === long)) return [];
    const isFile = /[<[]/.test(flags) && !OTHERS.test(flags);
    return isFile || BARE.includes(long) ? [`${command} ${long}`] : [];
  });
}

describe('the table of faults', () => {
  const rows = new Map<string, string[]>();
  for (const [, command = '', fault = ''] of readFileSync(join(ROOT, 'docs/security.md'), 'utf8').matchAll(
    /^\| `([^`|]+)` \| ([^|]+) \| [^|]+ \|$/gm,
  ))
    rows.set(command, [...(rows.get(command) ?? []), fault]);

  it('has a row for every option that writes a file, and no command writes one that nobody knows of', () => {
    const found = writers();
    expect(found.length).toBeGreaterThan(25);
    // A new option with a file goes into READS, or into WRITES with tests of its faults.
    expect(found.filter((one) => WRITES[one] === undefined)).toEqual([]);
    expect(Object.keys(WRITES).filter((one) => !found.includes(one))).toEqual([]);
  });

  it.each([...new Set(Object.values(WRITES))])('has %s at every fault', (name) => {
    const faults = rows.get(name) ?? [];
    expect(FAULTS.filter((fault) => !faults.some((one) => fault.test(one)))).toEqual([]);
  });
});
