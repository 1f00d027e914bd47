/**
 * `npm run fuzz -- --time 60s TARGET`: coverage-guided fuzzing by Jazzer.js (libFuzzer). Seeds are made from the captures
 * of the package; what is learnt stays in a folder of its own (`--corpus`, `.fuzz/` unless told); an input that breaks a
 * law is written to test/fuzz/crashes/TARGET, where the unit tests run it from then on. `all` runs one target after
 * another, each for that time; `together` all of them in one process, which begins once: that is what the gate does.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packageRoot } from '../support/shared.js';
import { TARGETS, TOGETHER } from './table.js';
import type { Target } from './target.js';

const ROOT = packageRoot();
const HERE = dirname(fileURLToPath(import.meta.url));
/** Seconds that one input may take, and MiB that the process may. */
const SLOWEST_S = 20;
const MOST_MIB = 3000;
const EVERYTHING = ['src/', 'replay/', 'dissectors/'];
/** Lines of libFuzzer for every input that it keeps: thousands. */
const PROGRESS = /^#\d+\s+(NEW|REDUCE|RELOAD|pulse)\s/;
const USAGE =
  'npm run fuzz -- [--time 60s] [--seed N --runs N] [--corpus DIR] [--json FILE] [--list] TARGET... | all | together';

/** Nothing was fuzzed, because there is nothing to do it with. */
class EngineMissing extends Error {}
/** Exit status for it. */
const MISSING = 3;

interface Outcome {
  readonly target: string;
  readonly seconds: number;
  readonly executions: number;
  readonly edges: number;
  readonly features: number;
  readonly inputs: number;
  readonly findings: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    time: { type: 'string', default: '60s' },
    // The same inputs each time: what a gate can be held to.
    seed: { type: 'string' },
    runs: { type: 'string' },
    corpus: { type: 'string', default: join(ROOT, '.fuzz') },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** Jazzer's command; null where it is not installed. */
function jazzer(): string | null {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@jazzer.js/core/package.json')), 'dist/cli.js');
  } catch {
    return null;
  }
}

function secondsOf(text: string): number {
  const match = /^(\d+)(s|m|h)?$/.exec(text);
  if (match === null) throw new Error(`--time ${text}: a time as 60s, 30m or 2h is wanted`);
  return Number(match[1]) * ({ s: 1, m: 60, h: 3600 }[match[2] ?? 's'] ?? 1);
}

/** Writes the seeds, and the crashes of before, where the engine finds them. */
function prepared(target: Target): { readonly corpus: string; readonly seeds: string; readonly artifacts: string } {
  const folder = join(values.corpus, target.name);
  const [corpus, seeds, artifacts] = [join(folder, 'corpus'), join(folder, 'seeds'), join(folder, 'artifacts')];
  for (const one of [corpus, seeds, artifacts]) mkdirSync(one, { recursive: true });
  for (const bytes of target.seeds())
    writeFileSync(join(seeds, createHash('sha1').update(bytes).digest('hex')), bytes.subarray(0, target.most));
  const known = join(ROOT, 'test/fuzz/crashes', target.name);
  if (existsSync(known)) for (const name of readdirSync(known)) copyFileSync(join(known, name), join(seeds, name));
  return { corpus, seeds, artifacts };
}

/** Moves what broke a law to where tests run it. */
function keep(target: Target, artifacts: string): number {
  const found = readdirSync(artifacts).filter((name) => /^(crash|timeout|oom)-/.test(name));
  const kept = join(ROOT, 'test/fuzz/crashes', target.name);
  for (const name of found) {
    mkdirSync(kept, { recursive: true });
    if (!existsSync(join(kept, name))) copyFileSync(join(artifacts, name), join(kept, name));
  }
  return found.length;
}

async function fuzzed(command: string, target: Target, seconds: number): Promise<Outcome> {
  const { corpus, seeds, artifacts } = prepared(target);
  const before = new Set(readdirSync(artifacts));
  const engine = [
    `-max_total_time=${seconds}`,
    `-max_len=${target.most}`,
    `-rss_limit_mb=${MOST_MIB}`,
    `-artifact_prefix=${artifacts}/`,
    '-print_final_stats=1',
    ...(values.seed === undefined ? [] : [`-seed=${values.seed}`]),
    ...(values.runs === undefined ? [] : [`-runs=${values.runs}`]),
  ];
  const only = (target.covers ?? EVERYTHING).flatMap((part) => ['-i', `dist/${part}`]);
  const child = spawn(
    process.execPath,
    [
      '--import',
      join(HERE, 'oldlibc.js'),
      command,
      join(HERE, 'entry.js'),
      corpus,
      seeds,
      ...only,
      // The one whose fault a parser can have is done in entry.ts, for a hundredth of its price.
      '--disableBugDetectors=.*',
      '--sync',
      `--timeout=${SLOWEST_S * 1000}`,
      '--',
      ...engine,
    ],
    {
      env: { ...process.env, UAMGSCOPE_FUZZ_TARGET: target.name, UAMGSCOPE_FUZZING: '1' },
      stdio: ['ignore', 'inherit', 'pipe'],
    },
  );
  const began = Date.now();
  const seen = { executions: 0, edges: 0, features: 0 };
  let tail = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    const lines = (tail + text).split('\n');
    tail = lines.pop() ?? '';
    for (const line of lines) {
      if (!PROGRESS.test(line)) process.stderr.write(`${line}\n`);
      const progress = /^#(\d+)\s.*cov: (\d+) ft: (\d+)/.exec(line);
      if (progress !== null)
        [seen.executions, seen.edges, seen.features] = progress.slice(1).map(Number) as [number, number, number];
      const final = /^(?:stat::number_of_executed_units:|Done) +(\d+)/.exec(line);
      if (final !== null) seen.executions = Math.max(seen.executions, Number(final[1]));
    }
  });
  const status = await new Promise<number | null>((resolve) => void child.once('close', resolve));
  keep(target, artifacts);
  const findings = readdirSync(artifacts).filter(
    (name) => !before.has(name) && /^(crash|timeout|oom)-/.test(name),
  ).length;
  if (status !== 0 && findings === 0) {
    if (seen.executions === 0) throw new EngineMissing('the engine of Jazzer.js does not run on this system');
    throw new Error(`${target.name}: the engine ended with status ${status}`);
  }
  return {
    target: target.name,
    seconds: Math.round((Date.now() - began) / 1000),
    ...seen,
    inputs: readdirSync(corpus).length,
    findings,
  };
}

function chosen(): readonly Target[] {
  if (positionals.includes('all')) return TARGETS;
  return positionals.map((name) => {
    const target = [...TARGETS, TOGETHER].find((one) => one.name === name);
    if (target === undefined)
      throw new Error(`no target is named ${name}; there are together, ${TARGETS.map((one) => one.name).join(', ')}`);
    return target;
  });
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (values.list) {
    for (const { name, law } of TARGETS) process.stdout.write(`${name.padEnd(16)} ${law}\n`);
    return 0;
  }
  const targets = chosen();
  if (targets.length === 0) throw new Error(`usage: ${USAGE}`);
  const command = jazzer();
  if (command === null) throw new EngineMissing('@jazzer.js/core, a development dependency, is not installed');
  const seconds = secondsOf(values.time);
  let findings = 0;
  for (const target of targets) {
    process.stderr.write(`\n${target.name}: ${target.law}\n`);
    const outcome = await fuzzed(command, target, seconds);
    findings += outcome.findings;
    const { executions, edges, features, inputs } = outcome;
    process.stdout.write(
      `${target.name.padEnd(16)} ${outcome.seconds} s, ${executions} executions, ${edges} edges, ${features} features, ${inputs} inputs, ${outcome.findings} findings\n`,
    );
    if (values.json !== undefined) appendFileSync(values.json, `${JSON.stringify(outcome)}\n`);
  }
  return findings === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof EngineMissing ? MISSING : 2;
}
