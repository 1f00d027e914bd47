import { becomes, personAfter } from '../../io/privileges.js';
import { InvalidArgumentError, Option } from 'commander';
import { WATCHED_OBJECTS } from '../../analysis/limits.js';
import { SecurityObserver } from '../../security/observer.js';
import type { Batch } from '../../pipeline/batch.js';
import { serveMetrics, type MetricsAddress, type ServedMetrics } from '../../io/metrics.js';
import { Metrics } from '../../output/prometheus.js';
import type { CaptureRecord } from '../../pipeline/pipeline.js';
import { columnsOf } from '../columns.js';
import { decode, FORMATS, type Format } from '../decode.js';
import { keepHeapSmall } from '../../io/heap.js';
import { whenEnded } from '../../io/interrupt.js';
import type { IdlFlags } from '../../io/idl.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { LiveCapture } from '../../io/live/capture.js';
import { CaptureFiles } from '../../io/live/files.js';
import { rotationOf, rotationOptions } from '../rotation.js';
import { BACKENDS, interfaces, type Backend } from '../../io/live/tools.js';
import { ignoredRules, withIgnoredRules, type IgnoreFlags } from '../ignored-rules.js';
import { readSecrets, withSecrets, writeKeyLog, type SecretFlags } from '../secrets.js';
import { Sink } from '../../io/sink.js';
import { EXIT, styleFor, UsageError, type ColorChoice, type Streams } from '../../io/streams.js';
import { examples, idlOptions, say, type Register } from './command.js';
import { positive } from '../numbers.js';
import { chosenHosts, chosenText, narrowed, withHostOptions, type HostFlags } from '../hosts.js';
import { whereOf } from '../where.js';

interface LiveFlags extends SecretFlags, IgnoreFlags, IdlFlags, HostFlags {
  readonly quiet?: true;
  readonly interface?: string;
  readonly list?: true;
  readonly format: Format;
  readonly where?: string;
  readonly filter?: string;
  readonly backend: Backend;
  readonly write?: string;
  readonly userAfter?: string;
  readonly metrics?: MetricsAddress;
  readonly rotateSize?: number;
  readonly rotateCount?: number;
  readonly rotateTime?: number;
  readonly opnums: 'auto' | 'wire' | 'printed';
  readonly limit?: number;
  readonly color: ColorChoice;
}

/** `live`: decode an interface as packets come. */
export const liveCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('live')
    .summary('calls of an interface as they happen')
    .description(
      'Decodes the traffic of a network interface as it comes, with tcpdump or dumpcap. Packets are written to the file of -w before they are decoded.',
    )
    .option('-i, --interface <name>', 'interface to watch')
    .option('--list', 'the interfaces there are')
    .addOption(new Option('-f, --format <format>', 'as for decode').choices(FORMATS).default('text'))
    .option('--where <expr>', 'only calls for which this holds (docs/where.md)')
    .option(
      '--filter <bpf>',
      'packets to capture (pcap-filter); left out: TCP but ssh, RPC over UDP, and what may hold such (docs/live.md)',
    )
    .addOption(new Option('--backend <tool>', 'what captures').choices(BACKENDS).default('auto'))
    .option('-w, --write <file>', 'keep the packets in this pcapng file')
    .option(
      '--user-after <name>',
      'as root: who decodes once packets come; left out: who called sudo (root: stays root)',
    )
    .addOption(new Option('--opnums <numbering>', 'as for decode').choices(['auto', 'wire', 'printed']).default('auto'))
    .option('-q, --quiet', 'no findings, logons, problems and totals on stderr')
    .option('-n, --limit <n>', 'stop after this many calls', positive)
    .option(
      '--metrics <[host]:port>',
      'serve counts for Prometheus at http://host:port/metrics; without a host on this machine only',
      metricsAddress,
    )
    .addOption(
      new Option('--color <when>', 'colours in text and tree').choices(['auto', 'always', 'never']).default('auto'),
    )
    .addHelpText(
      'after',
      examples([
        ['live --list', ''],
        ['live -i eth0', ''],
        ['live -i eth0 --host build-42 -w build-42.pcapng', 'of one host, packets too'],
        ['live -i eth0 --session build-42,wsus', 'of one client at one server'],
        ['live -i eth0 --where failed -w session.pcapng', 'show what fails, keep everything'],
        ['live -i eth0 --metrics :9464 --format ndjson > calls.ndjson', ''],
        ['live -i eth0 -w day.pcapng --rotate-size 100M --rotate-count 20', ''],
      ]),
    )
    .action(async (flags: LiveFlags) =>
      done(flags.list === true ? await list(flags, streams) : await watch(flags, streams, await load(flags))),
    );
  withHostOptions(command);
  for (const option of rotationOptions()) command.addOption(option);
  withSecrets(command);
  withIgnoredRules(command);
  for (const option of idlOptions()) command.addOption(option);
};

async function list(flags: LiveFlags, streams: Streams): Promise<number> {
  const out = new Sink(streams.stdout);
  for (const line of interfaces(streams.env, flags.backend === 'cap' ? 'auto' : flags.backend)) out.line(line);
  await out.flush();
  return EXIT.ok;
}

async function watch(flags: LiveFlags, streams: Streams, known: Knowledge): Promise<number> {
  if (flags.interface === undefined)
    throw new UsageError('live needs an interface: -i NAME (live --list shows those there are)');
  keepHeapSmall();
  const chosen = await chosenHosts(flags);
  const expression = narrowed(chosen, flags.where);
  const where = expression === undefined ? null : await whereOf(expression, known, streams.env);
  const security = new SecurityObserver(readSecrets(flags, streams.env));
  const rotation = rotationOf(flags);
  const after = personAfter(flags.userAfter, streams.env);
  const files = flags.write === undefined ? null : new CaptureFiles(flags.write, rotation);
  let notDropped: unknown = null;
  const capture = new LiveCapture({
    iface: flags.interface,
    filter: flags.filter ?? null,
    hosts: chosen?.between ?? null,
    backend: flags.backend,
    env: streams.env,
    files,
    began(by, filter) {
      try {
        if (after !== null)
          becomes(after, files?.paths ?? [], flags.rotateSize !== undefined || flags.rotateTime !== undefined);
      } catch (error) {
        notDropped = error;
        capture.stop();
      }
      const user = after === null ? '' : `, as user ${after.uid}`;
      void say(streams, `watching ${flags.interface ?? ''} with ${by}${user}${chosenText(chosen, filter)}`);
    },
  });
  const stop = (): void => capture.stop();
  const forget = whenEnded(stop);
  const out = new Sink(streams.stdout);
  const metrics = flags.metrics === undefined ? null : new Metrics(known.names);
  const served =
    metrics === null || flags.metrics === undefined ? null : await serving(flags.metrics, metrics, capture, streams);
  try {
    const { written } = await decode({
      files: [flags.interface],
      open: () => shown(capture, out),
      registry: known.registry,
      names: known.names,
      format: flags.format,
      where,
      opnums: flags.opnums,
      security,
      ignoreRules: await ignoredRules(flags, streams.env, known.registry),
      quiet: flags.quiet === true,
      ...(flags.format === 'csv' || flags.format === 'tsv' ? { columns: await columnsOf(undefined, known) } : {}),
      ...(metrics === null ? {} : { record: (record) => counted(record, metrics) }),
      limits: { objects: WATCHED_OBJECTS },
      limit: flags.limit ?? Infinity,
      out,
      messages: new Sink(streams.stderr),
      style: styleFor(flags.color, streams.stdout, streams.env),
      messageStyle: styleFor(flags.color, streams.stderr, streams.env),
    });
    if (notDropped !== null) throw notDropped;
    const { kernel, ours } = capture.dropped;
    await say(
      streams,
      `${written} calls of ${capture.count} packets; dropped by the kernel: ${kernel ?? 'not counted'}, by uamgscope: ${ours}`,
    );
    writeKeyLog(flags, security.sessionKeys, []);
    return EXIT.ok;
  } finally {
    forget();
    served?.close();
    capture.stop();
  }
}

function counted(record: CaptureRecord, metrics: Metrics): void {
  if (record.kind === 'call') metrics.call(record);
  else if (record.kind === 'finding') metrics.finding(record);
  else if (record.kind === 'problem') metrics.problem(record);
}

async function serving(
  address: MetricsAddress,
  metrics: Metrics,
  capture: LiveCapture,
  streams: Streams,
): Promise<ServedMetrics> {
  const served = await serveMetrics(address, () => {
    const { count: packets, dropped } = capture;
    return metrics.text({ packets, dropped });
  });
  await say(
    streams,
    `metrics at http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${served.port}/metrics`,
  );
  return served;
}

/** `:9464`, `9464`, `0.0.0.0:9464`, `[::1]:9464`. */
function metricsAddress(text: string): MetricsAddress {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([\da-f:.]+)\]|([^:\s]*)):)?(\d{1,5})$/i.exec(text) ?? [];
  if (digits === '' || Number(digits) > 65_535)
    throw new InvalidArgumentError('A port is wanted, or host:port: :9464.');
  return { host: bracketed ?? (plain === undefined || plain === '' ? '127.0.0.1' : plain), port: Number(digits) };
}

/** Batches for the decoder; lines that it made of one are out before it gets the next. */
async function* shown(capture: LiveCapture, out: Sink): AsyncGenerator<Batch> {
  for await (const { items, read } of capture.batches()) {
    yield { items, read, size: null };
    await out.flush();
  }
}
