import { InvalidArgumentError, Option } from 'commander';
import { SecurityObserver } from '../../security/observer.js';
import type { SecretList } from '../../security/secrets.js';
import type { Call } from '../../types.js';
import type { OpenCapture } from '../../pipeline/batch.js';
import { CallPlaces, ChosenPackets, type Captures } from '../packets.js';
import { columnsOf } from '../columns.js';
import { decode, FORMATS, type DecodeResult, type Format } from '../decode.js';
import { Crew, jobsOf, startFollowers } from '../jobs.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { Progress } from '../../io/progress.js';
import { interruptible } from '../../io/interrupt.js';
import { followUntil } from '../../io/tail.js';
import { readSecrets, withSecrets, writeKeyLog, type SecretFlags } from '../secrets.js';
import { ignoredRules, withIgnoredRules, type IgnoreFlags } from '../ignored-rules.js';
import { chosenBy, withFrameChoice, type ChoiceFlags } from '../frame-choice.js';
import { checkOutput } from '../../io/output.js';
import { Sink } from '../../io/sink.js';
import { NdjsonWriter } from '../../output/ndjson.js';
import { EXIT, styleFor, UsageError, type ColorChoice, type Streams } from '../../io/streams.js';
import type { IdlFlags } from '../../io/idl.js';
import { examples, idlOptions, say, sortIdl, type Register } from './command.js';
import { positive } from '../numbers.js';
import { whereOf } from '../where.js';

interface DecodeFlags extends SecretFlags, IgnoreFlags, IdlFlags, ChoiceFlags {
  readonly quiet?: true;
  readonly format: Format;
  readonly where?: string;
  readonly write?: string;
  readonly columns?: string;
  readonly stats?: true;
  readonly strict?: true;
  readonly failOn?: 'warning' | 'error';
  readonly objects?: true;
  readonly opnums: 'auto' | 'wire' | 'printed';
  readonly inOrder?: true;
  readonly follow?: true;
  readonly limit?: number;
  readonly jobs?: number;
  readonly color: ColorChoice;
}

/** `decode`: captures to calls. */
export const decodeCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('decode')
    .summary('captures to calls')
    .description(
      'Decodes captures (pcap or pcapng, compressed or not; - is stdin) into calls. Several files are read as one capture, by the time of their packets: frames are numbered as they come, and connections may span them.',
    )
    .argument('<file...>', 'captures, or - for stdin')
    .addOption(
      new Option(
        '-f, --format <format>',
        'text: a line a call; tree: every field; ndjson: one JSON object a line; csv, tsv: a table; zeek: a log as Zeek writes it (docs/joins.md)',
      )
        .choices(FORMATS)
        .default('text'),
    )
    .option('--where <expr>', 'only calls for which this holds (docs/where.md)')
    .option(
      '-w, --write <file>',
      'the packets of the calls shown as a new pcapng file that opens by itself, each call as a comment on its packets',
      captureName,
    )
    .addOption(
      new Option(
        '--opnums <numbering>',
        'which opnums the peers send: slots, the numbers the specification prints, or find out',
      )
        .choices(['auto', 'wire', 'printed'])
        .default('auto'),
    )
    .option(
      '--in-order',
      'take files one after another and packets as they stand, instead of by time and by TCP acknowledgements',
    )
    .option(
      '--columns <names>',
      'columns of csv and tsv, with commas: fields as of --where, and call, arguments, results; alone it means tsv',
    )
    .option('--stats', 'figures instead of the calls: results, members, latencies')
    .option('-n, --limit <n>', 'stop after this many calls', positive)
    .option(
      '-j, --jobs <n>',
      'threads that write --format ndjson together; left out: one, or four where that pays (docs/performance.md); the output is the same for any number',
      positive,
    )
    .option('--objects', 'the object graph after the calls: who made what, references, pings, releases')
    .addOption(
      new Option(
        '--fail-on <severity>',
        'exit with status 1 when a finding is at least this severe (docs/rules.md)',
      ).choices(['warning', 'error']),
    )
    .option('-q, --quiet', 'no messages on stderr: no findings, logons, problems and totals')
    .option('--follow', 'go on as the capture grows, until Ctrl-C')
    .option('--strict', 'exit with status 3 when the input was damaged')
    .addOption(
      new Option('--color <when>', 'colours in text and tree').choices(['auto', 'always', 'never']).default('auto'),
    )
    .addHelpText(
      'after',
      examples([
        ['decode session.pcapng', ''],
        ['decode session.pcapng --format tree --limit 1', ''],
        ['decode big.pcap.gz --format ndjson > calls.ndjson', ''],
        ['decode session.pcapng --where \'interface == "IUpdateSearcher" && hresult != 0 && latency > 100ms\'', ''],
        ['decode session.pcapng --where \'in.criteria contains "IsInstalled" || object.label == "IUpdate#3"\'', ''],
        ['decode session.pcapng --where failed -w failed.pcapng', 'for Wireshark: the calls are in frame.comment'],
        ["decode session.pcapng --columns 'time,method,in.criteria,hresult,latency'", 'a table'],
        ['decode session.pcapng --stats', ''],
        [
          'decode day.pcapng --host 192.0.2.5 --from 2026-11-20T12:00 --to 2026-11-20T12:05',
          'other packets are passed over',
        ],
        ['decode plant.pcapng --idl opcda.idl --idl-path ~/sdk/idl', ''],
        ['decode tap-rx.pcap tap-tx.pcap', 'a tap writes a file for each direction'],
        [
          'ssh host tcpdump -U -w - not port 22 | uamgscope decode -',
          'calls as they come; Ctrl-C ends it with the summary',
        ],
        ['decode growing.pcapng --follow', ''],
        ['tcpdump -w - port 135 | uamgscope decode -', ''],
      ]),
    )
    .action(async (args: string[], flags: DecodeFlags) => {
      const { rest, idl } = sortIdl(args, flags);
      if (rest.length === 0) throw new UsageError('decode: give a capture beside the IDL files');
      const { jobs, why } = jobsOf(flags.jobs, rest, { alone: aloneBecause(flags, formatOf(flags)) });
      if (why !== null && flags.quiet !== true) await say(streams, `--jobs: one thread decodes, because ${why}`);
      const crew = jobs === 1 ? null : new Crew(startFollowers(jobs));
      try {
        done(await decodeFiles(rest, { ...flags, ...idl }, streams, await load(idl), crew));
      } finally {
        await crew?.dismiss();
      }
    });
  withFrameChoice(command);
  withSecrets(command);
  withIgnoredRules(command);
  for (const option of idlOptions()) command.addOption(option);
};

/** What `decode` does, for other commands that show a capture: in one thread, or by a crew. Resolves to the exit status. */
export async function decodeFiles(
  files: readonly string[],
  flags: DecodeFlags,
  streams: Streams,
  known: Knowledge,
  crew: Crew | null = null,
): Promise<number> {
  const format = formatOf(flags);
  const { choice, where: expression } = await chosenBy(flags, flags.where);
  const where = expression === undefined ? null : await whereOf(expression, known, streams.env);
  const progress = new Progress(streams.stderr);
  const clear = (): void => progress.clear();
  const out = new Sink(streams.stdout, clear);
  const messages = new Sink(streams.stderr, clear);
  const packets = flags.write === undefined ? null : new ChosenPackets(known.names);
  const places = new CallPlaces();
  const reopen: OpenCapture = (path, framesBefore) => known.open(path, framesBefore, streams.stdin);
  if (packets !== null && files.includes('-'))
    throw new UsageError('--write reads the captures a second time: write stdin to a file and decode that');
  if (flags.write !== undefined) checkOutput(flags.write, { force: flags.force === true, inputs: files });
  const secrets = readSecrets(flags, streams.env);
  const ignoreRules = await ignoredRules(flags, streams.env, known.registry);
  const security = new SecurityObserver(secrets);
  // From here on whatever ends it lets the signal go.
  const interrupt = interruptible(files, streams.stdin);
  const alone = async (): Promise<DecodeResult> =>
    decode({
      files,
      open: (path, framesBefore) =>
        flags.follow === true
          ? followUntil(path, framesBefore, interrupt.stdin, interrupt.signal)
          : known.open(path, framesBefore, interrupt.stdin, interrupt.signal),
      // Streams, and files that are followed, end by themselves.
      stopped: () => interrupt.signal.aborted && flags.follow !== true && !files.includes('-'),
      ...(packets === null ? {} : { seen: (call, shown) => noted(call, shown, packets, places) }),
      registry: known.registry,
      names: known.names,
      format,
      ...(format === 'csv' || format === 'tsv' ? { columns: await columnsOf(flags.columns, known) } : {}),
      statistics: flags.stats === true,
      where,
      opnums: flags.opnums,
      choice,
      security,
      ignoreRules,
      quiet: flags.quiet === true,
      objects: flags.objects === true,
      inOrder: flags.inOrder === true,
      limit: flags.limit ?? Infinity,
      out,
      messages,
      progress,
      style: styleFor(flags.color, streams.stdout, streams.env),
      messageStyle: styleFor(flags.color, streams.stderr, streams.env),
    });
  const reading =
    crew === null
      ? alone()
      : crew.run({
          order: {
            files,
            idl: {
              ...(flags.idl === undefined ? {} : { idl: flags.idl }),
              ...(flags.idlPath === undefined ? {} : { idlPath: flags.idlPath }),
            },
            opnums: flags.opnums,
            choice,
            inOrder: flags.inOrder === true,
            objects: flags.objects === true,
            quiet: flags.quiet === true,
            ignoreRules,
            secrets,
          },
          out,
          messages,
          progress,
          signal: interrupt.signal,
          summary: (summary) => new NdjsonWriter(known.names).summary(summary),
          alone(written) {
            out.skip(written);
            return alone();
          },
        });
  const result = await reading.finally(() => interrupt.over());
  packets?.addMakers(result.objects(), (id) => places.get(id));
  const captures: Captures = { files, inOrder: flags.inOrder === true, choice };
  if (packets !== null) await writePackets(packets, flags, { captures, reopen, secrets }, streams);
  writeKeyLog(flags, security.sessionKeys, files);
  if (result.unreadable > 0) return EXIT.usage;
  if (flags.strict === true && result.damaged) return EXIT.damaged;
  const found = result.worst !== null && (flags.failOn === 'warning' || flags.failOn === result.worst);
  return found ? EXIT.found : EXIT.ok;
}

/** What only one thread does, as the reason why it is one; null where several can. */
function aloneBecause(flags: DecodeFlags, format: Format): string | null {
  if (format !== 'ndjson') return 'several write --format ndjson only';
  if (flags.stats === true) return '--stats counts all calls';
  if (flags.where !== undefined) return '--where looks at the calls in turn';
  if (flags.session !== undefined) return '--session looks at the calls in turn';
  if (flags.limit !== undefined) return '--limit ends it early';
  if (flags.write !== undefined) return '--write gathers packets';
  if (flags.follow === true) return '--follow waits for its file';
  return flags.exportKeys === undefined ? null : '--export-keys gathers keys';
}

/** The format, by what else is wanted. @throws UsageError for what does not go together */
function formatOf({ format, columns, stats }: DecodeFlags): Format {
  const tabular = format === 'csv' || format === 'tsv';
  if (stats === true && (tabular || format === 'tree' || columns !== undefined))
    throw new UsageError('--stats prints text, or one object with --format ndjson');
  if (stats === true && format === 'zeek')
    throw new UsageError('--stats prints text, or one object with --format ndjson');
  if (columns === undefined || tabular) return format;
  if (format !== 'text') throw new UsageError('--columns belongs to --format csv and tsv');
  return 'tsv';
}

function noted(call: Call, shown: boolean, packets: ChosenPackets, places: CallPlaces): void {
  places.add(call);
  if (shown) packets.add(call);
}

async function writePackets(
  packets: ChosenPackets,
  { write: path, force }: DecodeFlags,
  {
    captures,
    reopen,
    secrets,
  }: { readonly captures: Captures; readonly reopen: OpenCapture; readonly secrets: SecretList },
  streams: Streams,
): Promise<void> {
  if (path === undefined) return;
  if (packets.size === 0) return say(streams, `no call is shown: ${path} is not written`);
  const written = await packets.write(path, captures, reopen, { secrets, force: force === true });
  return say(streams, `${written} packets written to ${path}`);
}

/** The name of a capture to write. `-w` was `--where` once: an expression is no such name. */
function captureName(text: string): string {
  if (!/\.(pcapng|pcap|ntar)$/i.test(text))
    throw new InvalidArgumentError('A name that ends in .pcapng is wanted; conditions are given with --where.');
  return text;
}
