import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generate } from './generate.js';
import { runStage, STAGES, type Stage, type StageResult } from './stages.js';

const usage = 'npm run bench -- [--size MB] [--runs N] [--smoke] [--peers]';
const args = process.argv.slice(2);
const option = (name: string, otherwise: number): number => {
  const at = args.indexOf(name);
  return at < 0 ? otherwise : Number(args[at + 1]);
};
const smoke = args.includes('--smoke');
const size = option('--size', smoke ? 5 : 100);
const runs = option('--runs', smoke ? 1 : 3);
/** Memory a run may take whatever the size of the file, in MiB. */
const MEMORY_LIMIT = 400;

/** A stage in a process of its own, so that neither its memory nor its compiled code is another's. */
function measure(stage: Stage, path: string): StageResult {
  const results = Array.from({ length: runs }, () => {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--stage', stage, path], { encoding: 'utf8', timeout: 300_000 });
    if (child.status !== 0) throw new Error(`stage ${stage} failed: ${child.stderr}`);
    return JSON.parse(child.stdout) as StageResult;
  });
  const median = results.toSorted((a, b) => a.seconds - b.seconds)[results.length >> 1];
  if (median === undefined) throw new Error(usage);
  return median;
}

/** Seconds a peer takes over the same file, or null without it. */
function peer(command: string, rest: readonly string[]): number | null {
  const began = process.hrtime.bigint();
  const child = spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'ignore'], timeout: 600_000 });
  return child.error === undefined && child.status === 0 ? Number(process.hrtime.bigint() - began) / 1e9 : null;
}

function report(folder: string): boolean {
  const path = join(folder, 'bench.pcap');
  const made = generate(path, size * 1e6);
  console.log(`${(made.bytes / 1e6).toFixed(1)} MB, ${made.packets} packets, ${made.calls} calls, 40 connections; median of ${runs}`);
  console.log('stage      seconds   MB/s   packets/s     calls/s   peak MiB');
  let good = true;
  let decoded = 0;
  for (const stage of STAGES) {
    const result = measure(stage, path);
    if (stage === 'decode') decoded = result.seconds;
    console.log(
      `${stage.padEnd(8)} ${result.seconds.toFixed(3).padStart(9)} ${(made.bytes / 1e6 / result.seconds).toFixed(0).padStart(6)} ${Math.round(result.packets / result.seconds).toString().padStart(11)} `
      + `${Math.round(result.calls / result.seconds).toString().padStart(11)} ${result.rss.toFixed(0).padStart(10)}`,
    );
    const counts = stage === 'read' || stage === 'tcp' || result.calls === made.calls;
    if (result.packets !== made.packets || !counts || result.problems > 0 || result.rss > MEMORY_LIMIT) {
      good = false;
      console.log(`  wrong: ${result.packets} packets, ${result.calls} calls, ${result.problems} problems, ${result.rss.toFixed(0)} MiB`);
    }
  }
  if (args.includes('--peers')) {
    for (const [label, rest] of [['tshark, summary', ['-r', path]], ['tshark -T fields', ['-r', path, '-T', 'fields', '-e', 'frame.number', '-e', 'dcerpc.opnum', '-e', 'dcerpc.obj_id']]] as const) {
      const seconds = peer('tshark', rest);
      console.log(seconds === null ? `${label}: not there` : `${label}: ${seconds.toFixed(1)} s, ${(seconds / decoded).toFixed(1)} times typed decode`);
    }
  }
  return good;
}

const stageAt = args.indexOf('--stage');
if (stageAt >= 0) {
  console.log(JSON.stringify(await runStage(args[stageAt + 1] as Stage, args[stageAt + 2] ?? '')));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'uamgscope-bench-'));
  try {
    process.exitCode = report(folder) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
