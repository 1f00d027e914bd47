import { closeSync, openSync, writeSync } from 'node:fs';
import { devNull } from 'node:os';
import { Readable } from 'node:stream';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { RuleEngine } from '../../src/analysis/rules/engine.js';
import { JsonBytes } from '../../src/bytes/json.js';
import { clear } from '../../src/bytes/list.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Knowledge } from '../../src/pipeline/knowledge.js';
import { SecurityObserver } from '../../src/security/observer.js';
import { ACCOUNT } from './generate.js';
import { Net, type NetOutput } from '../../src/net/net.js';
import { NdjsonWriter } from '../../src/output/ndjson.js';
import type { Call } from '../../src/types.js';
import { RpcObserver, type RpcOutput } from '../../src/rpc/observer.js';

/** The stages in their order; each does all that those before it do. */
export const STAGES = ['read', 'tcp', 'pair', 'untracked', 'decode', 'ndjson'] as const;
/** Beside them: `open` decodes protected traffic with the password, `report` makes a whole offline page. */
export type StageName = Stage | 'open' | 'report';
export type Stage = (typeof STAGES)[number];

/** What one run of a stage came to. */
export interface StageResult {
  readonly seconds: number;
  readonly packets: number;
  readonly calls: number;
  readonly problems: number;
  /** Rules that calls break. */
  readonly findings: number;
  /** Bytes of NDJSON, or characters of the page. */
  readonly written: number;
  /** Peak resident set, in MiB. */
  readonly rss: number;
}

/** Runs a stage over a capture, in this process. */
export async function runStage(stage: StageName, path: string): Promise<StageResult> {
  const known = knowledge();
  if (stage === 'report') return page(path, known);
  const net = new Net();
  const rpc = new RpcObserver();
  const { text, out, writer, rules, broken } = ndjsonParts(known);
  const analyzer = new Analyzer({
    registry: known.registry,
    objects: stage !== 'untracked',
    ...(stage === 'ndjson' ? { text } : {}),
    ...(stage === 'open'
      ? { security: new SecurityObserver({ passwords: [{ user: null, password: ACCOUNT.password }] }) }
      : {}),
  });
  const segments: NetOutput[] = [];
  const exchanges: RpcOutput[] = [];
  const results: AnalyzerOutput[] = [];
  let packets = 0;
  let calls = 0;
  let problems = 0;
  let written = 0;
  let findings = 0;
  const nowhere = openSync(devNull, 'w');
  const count = (): void => {
    for (const item of exchanges) {
      if (item.kind === 'exchange') calls++;
      else if (item.kind === 'problem') problems++;
    }
    clear(exchanges);
    for (const item of results) {
      if (item.kind === 'finding' || item.kind === 'security') continue;
      if (item.kind === 'problem') problems++;
      else {
        calls++;
        problems += item.problems.length;
        if (stage === 'ndjson') write(item);
      }
    }
    clear(results);
  };
  /** As decode does it: the record as UTF-8, held to the rules, with what it breaks behind it. */
  const write = (call: Call): void => {
    writer.put(call, out);
    out.byte(LINE_FEED);
    rules.push(call, broken);
    for (const finding of broken) {
      findings++;
      if (finding.kind === 'finding') out.plain(`${writer.finding(finding)}\n`);
    }
    clear(broken);
    if (out.at < HANDED_BYTES) return;
    written += writeSync(nowhere, out.buffer, 0, out.at);
    out.at = 0;
  };
  const pass = (): void => {
    for (const segment of segments) {
      if (segment.kind === 'problem') problems++;
      else if (stage === 'pair') rpc.push(segment, exchanges);
    }
    clear(segments);
    if (exchanges.length > 0) count();
  };
  const began = process.cpuUsage();
  for await (const batch of known.open(path, 0, Readable.from([]))) {
    for (const item of batch.items) {
      if (item.kind !== 'frame') {
        problems++;
        continue;
      }
      packets++;
      if (stage === 'tcp' || stage === 'pair') {
        net.push(item, segments);
        if (segments.length > 0) pass();
      } else if (stage !== 'read') {
        analyzer.push(item, results);
        if (results.length > 0) count();
      }
    }
    count();
    net.settle();
    rpc.settle();
    analyzer.settle();
  }
  net.end(segments);
  pass();
  rpc.end(exchanges);
  analyzer.end(results);
  count();
  const seconds = cpuSince(began);
  written += writeSync(nowhere, out.buffer, 0, out.at);
  closeSync(nowhere);
  return { seconds, packets, calls, problems, findings, written, rss: process.resourceUsage().maxRSS / 1024 };
}

/** Bytes of NDJSON that are handed on at once, as decode does. */
const HANDED_BYTES = 256 * 1024;
const LINE_FEED = 0x0a;

/** What writes NDJSON. */
function ndjsonParts(known: Knowledge): {
  readonly text: JsonBytes;
  readonly out: JsonBytes;
  readonly writer: NdjsonWriter;
  readonly rules: RuleEngine;
  readonly broken: AnalyzerOutput[];
} {
  return {
    text: new JsonBytes(),
    out: new JsonBytes(),
    writer: new NdjsonWriter(known.names),
    rules: new RuleEngine(known.registry, (value) => known.names.hresult(value)),
    broken: [],
  };
}

/** CPU seconds of this process: of a machine that others use, wall time says nothing. */
function cpuSince(began: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(began);
  return (user + system) / 1e6;
}

async function page(path: string, known: Knowledge): Promise<StageResult> {
  // Loaded here only: the modules of a report are half of all, and collecting them would count as another stage's work.
  const { readReport } = await import('../../src/cli/report/read.js');
  const { reportHtml } = await import('../../src/output/report/html/html.js');
  const streams = { stdin: Readable.from([]), stdout: process.stdout, stderr: process.stderr, env: {} };
  const began = process.cpuUsage();
  const { report } = await readReport([path], {
    known,
    streams,
    opnums: 'auto',
    secrets: { passwords: [], ntHashes: [], sessionKeys: [], keytab: [] },
  });
  let written = 0;
  for (const piece of reportHtml(report)) written += piece.length;
  const seconds = cpuSince(began);
  const { frames, calls, problems } = report.totals;
  return {
    seconds,
    packets: frames,
    calls,
    problems,
    findings: 0,
    written,
    rss: process.resourceUsage().maxRSS / 1024,
  };
}
