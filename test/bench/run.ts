import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot, sharedCaptures } from '../support/shared.js';
import { ACCOUNT, CONNECTIONS, generate, type Generated, type Traffic } from './generate.js';
import { AGENT_HEAP, load, startAgent } from './load.js';
import { repeat } from './mixed.js';
import { runStage, STAGES, type Stage, type StageName, type StageResult } from './stages.js';

const usage =
  'npm run bench -- [--size MB (1 to 2000)] [--runs N (1 to 20)] [--smoke] [--peers] [--no-growth], or npm run bench -- --sessions N (1 to 1000000) [--at-once N (1 to 1000)]';
const args = process.argv.slice(2);

function option(name: string, otherwise: number, most: number): number {
  const at = args.indexOf(name);
  if (at < 0) return otherwise;
  const value = Number(args[at + 1]);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  console.error(`${name} wants a whole number from 1 to ${most}\n${usage}`);
  process.exit(2);
}

/** Memory a stage may take whatever the size of the file, in MiB. */
const MEMORY_LIMIT = 320;
/** How much more it may take on a file three times as large. */
const GROWTH_LIMIT = 1.25;
/**
 * Decoding with objects followed against without, at most, from a million calls on, and the runs of which the fastest
 * count.
 */
const TRACKING_LIMIT = 1.15;
const FASTEST_OF = 7;
/** Size of a file of a million calls, in MB. */
const MILLION = 400;
/** Decoding sealed calls against clear ones, at most. */
const OPENING_LIMIT = 3;
/** The agent's memory at the end of a load against that after its first third, at most. */
const SESSION_GROWTH_LIMIT = 1.25;
/**
 * A call that is late bound, damaged, or one of few on its connection, against the usual, at most. Wide: a smoke run is
 * mostly start.
 */
const LATE_LIMIT = 3;
const DAMAGED_LIMIT = 3;
const STUBS_LIMIT = 3;
const FLOWS_LIMIT = 6;
/** A small capture against `node -e 0`, at most. */
const START_LIMIT = 10;
/** A whole report against decoding to NDJSON, at most, and its size in MB. */
const REPORT_LIMIT = 1.5;
const REPORT_SIZE = 20;
/** Seconds a child may take. */
const TIMEOUT = 300_000;
const SMOKE_TIMEOUT = 60_000;

const smoke = args.includes('--smoke');
const size = option('--size', smoke ? 5 : 100, 2000);
const runs = option('--runs', smoke ? 1 : 3, 20);
let good = true;

function wrong(text: string): void {
  good = false;
  console.log(`  wrong: ${text}`);
}

function median<Item>(list: readonly Item[], by: (item: Item) => number): Item {
  const middle = list.toSorted((a, b) => by(a) - by(b))[list.length >> 1];
  if (middle === undefined) throw new Error(usage);
  return middle;
}

/** A stage in a process of its own, so that neither its memory nor its compiled code is another's. */
function once(stage: StageName, path: string): StageResult {
  const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--stage', stage, path], {
    encoding: 'utf8',
    timeout: smoke ? SMOKE_TIMEOUT : TIMEOUT,
  });
  if (child.status !== 0) throw new Error(`stage ${stage} failed: ${child.stderr}`);
  return JSON.parse(child.stdout) as StageResult;
}

function measure(stage: StageName, path: string, times = runs): StageResult {
  return median(
    Array.from({ length: times }, () => once(stage, path)),
    (result) => result.seconds,
  );
}

/** What a whole process took. */
interface Whole {
  /** User and system, of all its threads. */
  readonly cpu: number;
  readonly wall: number;
}

/** CPU seconds of the children waited for so far (proc(5), cutime and cstime); null where the system does not tell. */
function childrenCpu(): number | null {
  try {
    const fields = readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[13]) + Number(fields[14])) / TICKS;
  } catch {
    return null;
  }
}

/** Clock ticks a second, on every Linux that Node runs on. */
const TICKS = 100;

/** One run of a whole process over a file, its output thrown away; null where it is not there, or fails. */
function runOnce(command: string, rest: readonly string[]): Whole | null {
  const before = childrenCpu();
  const began = process.hrtime.bigint();
  const child = spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'ignore'], timeout: 2 * TIMEOUT });
  const wall = Number(process.hrtime.bigint() - began) / 1e9;
  const after = childrenCpu();
  if (child.error !== undefined || child.status === null || child.status > 1) return null;
  return { cpu: before === null || after === null ? wall : after - before, wall };
}

/**
 * Whole processes that take turns, start included: by place, the run with the median CPU; null where one cannot run. A
 * machine that others use slows all of them alike.
 */
function paired(commands: readonly (readonly string[])[]): readonly (Whole | null)[] {
  const taken: Whole[][] = commands.map(() => []);
  for (let i = 0; i < runs; i++)
    for (const [at, [command = '', ...rest]] of commands.entries()) {
      const one = runOnce(command, rest);
      if (one !== null) taken[at]?.push(one);
    }
  return taken.map((list) => (list.length < runs ? null : median(list, ({ cpu }) => cpu)));
}

/** `decode --format ndjson` of a file. */
function decoding(path: string, ...more: readonly string[]): readonly string[] {
  return [process.execPath, join(packageRoot(), 'dist/src/main.js'), 'decode', '--format', 'ndjson', ...more, path];
}

function check(stage: Stage, made: Generated, result: StageResult): void {
  const counted = stage === 'read' || stage === 'tcp' || result.calls === made.calls;
  if (result.packets !== made.packets || !counted)
    wrong(`${result.packets} packets and ${result.calls} calls where there are ${made.packets} and ${made.calls}`);
  if (result.problems > 0) wrong(`${result.problems} problems`);
  // A connection without protection is told of once; nothing else is wrong with the traffic.
  if (result.findings > CONNECTIONS) wrong(`${result.findings} findings in traffic that is valid`);
  if (result.rss > MEMORY_LIMIT) wrong(`${result.rss.toFixed(0)} MiB, more than ${MEMORY_LIMIT}`);
}

/** Runs by stage, of which the ratio of two stages is taken. */
type Runs = ReadonlyMap<Stage, readonly StageResult[]>;

function stages(path: string, made: Generated): Runs {
  console.log(
    `${(made.bytes / 1e6).toFixed(1)} MB, ${made.packets} packets, ${made.calls} calls, ${CONNECTIONS} connections; median of ${runs}`,
  );
  console.log('stage      CPU seconds   MB/s   packets/s     calls/s   peak MiB');
  // Stages take turns: a machine that slows down for a while slows all of them, and not one against the others.
  const taken = new Map<Stage, StageResult[]>(STAGES.map((stage) => [stage, []]));
  for (let i = 0; i < runs; i++) for (const [stage, list] of taken) list.push(once(stage, path));
  for (const [stage, list] of taken) {
    const result = median(list, ({ seconds }) => seconds);
    console.log(
      `${stage.padEnd(10)} ${result.seconds.toFixed(3).padStart(9)} ${(made.bytes / 1e6 / result.seconds).toFixed(0).padStart(6)} ${Math.round(
        result.packets / result.seconds,
      )
        .toString()
        .padStart(11)} ` +
        `${Math.round(result.calls / result.seconds)
          .toString()
          .padStart(11)} ${result.rss.toFixed(0).padStart(10)}`,
    );
    check(stage, made, result);
  }
  return taken;
}

/**
 * What following objects costs. Two runs of the same program differ by more than the tenth in question while others use
 * the machine; the fastest of several that took turns is the one least disturbed.
 */
function tracking(path: string, taken: Runs): void {
  const [without, followed] = (['untracked', 'decode'] as const).map((stage) => [...(taken.get(stage) ?? [])]) as [
    StageResult[],
    StageResult[],
  ];
  const wanted = smoke ? 0 : FASTEST_OF;
  while (without.length < wanted) {
    without.push(once('untracked', path));
    followed.push(once('decode', path));
  }
  const fastest = (list: readonly StageResult[]): number => Math.min(...list.map(({ seconds }) => seconds));
  const ratio = fastest(followed) / fastest(without);
  const medians =
    median(followed, ({ seconds }) => seconds).seconds / median(without, ({ seconds }) => seconds).seconds;
  console.log(
    `following objects: ${ratio.toFixed(2)} times decoding without (fastest of ${without.length} runs each; by medians ${medians.toFixed(2)})`,
  );
  // Shorter files make their objects anew all the time, and a smoke run is too short to tell anything.
  if (size >= MILLION && ratio > TRACKING_LIMIT) wrong(`following objects costs more than ${TRACKING_LIMIT} times`);
}

/** The same stage on a file three times as large: memory must not follow the file. */
function growth(folder: string, before: StageResult): void {
  const path = join(folder, 'large.pcap');
  const made = generate(path, 3 * size * 1e6);
  const result = measure('ndjson', path, 1);
  rmSync(path);
  console.log(
    `ndjson on ${(made.bytes / 1e6).toFixed(0)} MB: ${result.seconds.toFixed(2)} s, peak ${result.rss.toFixed(0)} MiB (${(result.rss / before.rss).toFixed(2)} times)`,
  );
  check('ndjson', made, result);
  // Small files fit in what a process takes at its start.
  if (!smoke && result.rss > before.rss * GROWTH_LIMIT)
    wrong(`memory grows with the file by more than ${GROWTH_LIMIT}`);
}

/** Sealed traffic against the same calls in clear: what opening costs, per call. */
function opening(folder: string, clear: StageResult): void {
  const path = join(folder, 'sealed.pcap');
  const made = generate(path, size * 1e6, { ntlm: ACCOUNT });
  const result = measure('open', path);
  rmSync(path);
  check('decode', made, result);
  const ratio = result.seconds / result.calls / (clear.seconds / clear.calls);
  console.log(
    `opening NTLM privacy: ${result.calls} calls in ${result.seconds.toFixed(2)} s, ${ratio.toFixed(2)} times decoding in clear for each call`,
  );
  if (!smoke && ratio > OPENING_LIMIT) wrong(`opening costs more than ${OPENING_LIMIT} times`);
}

/**
 * An offline page of everything: whole processes against NDJSON, because both hold the calls to the rules, which the
 * stages do not.
 */
function page(path: string, made: Generated): void {
  const result = measure('report', path, 1);
  check('ndjson', made, result);
  const main = join(packageRoot(), 'dist/src/main.js');
  const [one, other] = paired([decoding(path), [process.execPath, main, 'report', path, '-f', 'html']]);
  if (one == null || other == null) return wrong('decode or report failed');
  const [ndjson, report] = [one.cpu, other.cpu];
  console.log(
    `report as HTML: ${report.toFixed(2)} s, ${(report / ndjson).toFixed(2)} times decode --format ndjson (${ndjson.toFixed(2)} s), peak ${result.rss.toFixed(0)} MiB, ${(result.written / 1e6).toFixed(1)} MB`,
  );
  if (!smoke && report / ndjson > REPORT_LIMIT)
    wrong(`a report takes more than ${REPORT_LIMIT} times as long as NDJSON`);
  if (result.written > REPORT_SIZE * 1e6) wrong(`the page is larger than ${REPORT_SIZE} MB`);
}

/** Whole processes on the same file, taking turns; those that are not installed are left out. */
function peers(path: string, logs: string): void {
  const labels = ['decode --format ndjson', 'tshark -n, summary', 'tshark -T fields', 'suricata'];
  const fields = ['-e', 'frame.number', '-e', 'dcerpc.opnum', '-e', 'dcerpc.obj_id'];
  const found = paired([
    decoding(path),
    ['tshark', '-n', '-r', path],
    ['tshark', '-n', '-r', path, '-T', 'fields', ...fields],
    ['suricata', '-k', 'none', '-r', path, '-l', logs, '--set', 'outputs.0.fast.enabled=no'],
  ]);
  const [own] = found;
  if (own == null) return wrong('decode failed');
  console.log(`whole processes, CPU seconds (wall), median of ${runs} that took turns:`);
  for (const [at, one] of found.entries())
    console.log(
      one === null
        ? `  ${labels[at]}: not there`
        : `  ${labels[at]}: ${one.cpu.toFixed(2)} s (${one.wall.toFixed(2)}); ours is ${(own.cpu / one.cpu).toFixed(2)} of it`,
    );
}

/** Where the results go: nowhere, to a file, through a pipe. */
function outputs(path: string, folder: string): void {
  const quoted = decoding(path).map((part) => `'${part}'`);
  const [nowhere, file, pipe] = paired([
    decoding(path),
    ['sh', '-c', `exec ${quoted.join(' ')} >'${join(folder, 'calls.ndjson')}'`],
    ['sh', '-c', `${quoted.join(' ')} | cat >/dev/null`],
  ]);
  if (nowhere == null || file == null || pipe == null) return wrong('decode failed');
  console.log(
    `to a file: ${(file.cpu / nowhere.cpu).toFixed(2)} of the CPU seconds to nowhere (wall ${file.wall.toFixed(2)} and ${nowhere.wall.toFixed(2)}); through a pipe to cat, cat included: ${(pipe.cpu / nowhere.cpu).toFixed(2)} (wall ${pipe.wall.toFixed(2)})`,
  );
}

/** Captures of other people's traffic, again and again. */
function real(folder: string): void {
  const path = join(folder, 'real.pcap');
  const { bytes, packets, sources } = repeat(path, size * 1e6, sharedCaptures());
  if (packets === 0) return;
  console.log(`real traffic: ${(bytes / 1e6).toFixed(1)} MB, ${packets} packets, ${sources.length} captures repeated`);
  peers(path, folder);
  rmSync(path);
}

/** Other traffic than the usual: what a call of it costs, against one of the usual. */
function otherTraffic(folder: string, path: string, made: Generated): void {
  const kinds: readonly (readonly [name: string, traffic: Traffic, most: number])[] = [
    ['late bound', { late: true }, LATE_LIMIT],
    ['one packet of 20 damaged', { damagedEvery: 20 }, DAMAGED_LIMIT],
    ['every stub damaged', { damagedStubs: true }, STUBS_LIMIT],
    ['2,000 connections', { connections: 2000 }, FLOWS_LIMIT],
  ];
  for (const [name, traffic, most] of kinds) {
    const other = join(folder, 'other.pcap');
    const there = generate(other, size * 1e6, traffic);
    const [usual, one] = paired([decoding(path), decoding(other)]);
    rmSync(other);
    if (usual == null || one == null) return wrong('decode failed');
    const ratio = one.cpu / there.calls / (usual.cpu / made.calls);
    console.log(
      `${name}: ${there.calls} calls in ${one.cpu.toFixed(2)} s, ${ratio.toFixed(2)} times the usual for each`,
    );
    if (ratio > most) wrong(`${name} costs more than ${most} times`);
  }
}

/** The start of the program: a capture of 26 KB, against a process that does nothing. */
function start(): void {
  const [nothing, one] = paired([
    [process.execPath, '-e', '0'],
    decoding(join(packageRoot(), 'captures/wua-bigendian.pcapng')),
  ]);
  if (nothing == null || one == null) return wrong('decode failed');
  const ratio = one.cpu / nothing.cpu;
  console.log(`start: a small capture takes ${one.cpu.toFixed(2)} s, ${ratio.toFixed(1)} times node -e 0`);
  if (ratio > START_LIMIT) wrong(`the start takes more than ${START_LIMIT} times`);
}

function report(folder: string): void {
  const path = join(folder, 'bench.pcap');
  const made = generate(path, size * 1e6);
  const taken = stages(path, made);
  const [tracked, ndjson] = (['decode', 'ndjson'] as const).map((stage) =>
    median(taken.get(stage) ?? [], ({ seconds }) => seconds),
  ) as [StageResult, StageResult];
  tracking(path, taken);
  opening(folder, tracked);
  page(path, made);
  otherTraffic(folder, path, made);
  start();
  if (!args.includes('--no-growth')) growth(folder, ndjson);
  if (args.includes('--peers')) {
    peers(path, folder);
    outputs(path, folder);
    real(folder);
  }
}

/**
 * Clients' sessions against the simulated update agent in another process: no error, and memory that does not follow
 * their number.
 */
async function sessions(count: number, atOnce: number): Promise<void> {
  const agent = await startAgent();
  const rss: number[] = [agent.rss()];
  try {
    const every = Math.max(1, Math.ceil(count / 10));
    const result = await load({
      target: agent.target,
      sessions: count,
      atOnce,
      progress: (over) => {
        if (over % every === 0 || over === count) rss.push(agent.rss());
      },
    });
    const at = (share: number): number => result.sessionMs[Math.min(count - 1, Math.floor(count * share))] ?? 0;
    console.log(
      `${count} sessions, ${atOnce} at a time: ${result.calls} calls in ${result.seconds.toFixed(2)} s, ${Math.round(result.calls / result.seconds)} calls/s; a session takes ${at(0.5).toFixed(0)} ms, at the 99th percentile ${at(0.99).toFixed(0)} ms; ${((agent.cpu() / count) * 1000).toFixed(1)} ms of the agent's processor a session`,
    );
    console.log(
      `memory of the agent (heap of ${AGENT_HEAP} MiB) in MiB, at the start and after each tenth: ${rss.map((one) => one.toFixed(0)).join(' ')}`,
    );
    if (result.errors.length > 0) wrong(`${result.errors.length} sessions failed, the first one: ${result.errors[0]}`);
    if (result.found.length !== 1) wrong(`searches found different numbers of updates: ${result.found.join(', ')}`);
    // The first sessions compile code and fill caches.
    const [warm = 0, last = 0] = [rss[Math.ceil(rss.length * 0.3)], rss.at(-1)];
    if (count >= 1000 && last > warm * SESSION_GROWTH_LIMIT)
      wrong(`the agent's memory grew from ${warm.toFixed(0)} to ${last.toFixed(0)} MiB`);
    if (last > MEMORY_LIMIT) wrong(`${last.toFixed(0)} MiB, more than ${MEMORY_LIMIT}`);
  } finally {
    await agent.stop();
  }
}

const stageAt = args.indexOf('--stage');
if (stageAt >= 0) {
  console.log(JSON.stringify(await runStage(args[stageAt + 1] as StageName, args[stageAt + 2] ?? '')));
} else if (args.includes('--sessions')) {
  await sessions(option('--sessions', 1000, 1_000_000), option('--at-once', 100, 1000));
  process.exitCode = good ? 0 : 1;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-bench-'));
  try {
    report(folder);
    await sessions(smoke ? 100 : 1000, smoke ? 50 : 100);
  } finally {
    rmSync(folder, { recursive: true });
  }
  process.exitCode = good ? 0 : 1;
}
