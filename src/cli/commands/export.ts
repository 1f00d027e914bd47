import { basename } from 'node:path';
import { Option } from 'commander';
import type { Numbering } from '../../analysis/calls.js';
import { packageVersion } from '../../io/package.js';
import { Progress } from '../../io/progress.js';
import type { IdlFlags } from '../../io/idl.js';
import { exportChain } from '../../io/lake/chain.js';
import type { ChainLine, InputLine, Manifest } from '../../io/lake/manifest.js';
import type { StateOptions } from '../../io/lake/growth.js';
import { hiveValue, LAKE_FORMATS, type LakeFormat } from '../../io/lake/parts.js';
import { EXIT, UsageError, type Streams } from '../../io/streams.js';
import { bytesText, countText } from '../../output/report/words.js';
import type { Knowledge } from '../../pipeline/knowledge.js';
import { isOfInput } from '../../pipeline/problems.js';
import { Pipeline } from '../../pipeline/pipeline.js';
import { SecurityObserver } from '../../security/observer.js';
import type { FrameChoice } from '../../pipeline/frame-choice.js';
import { choiceText, frameChoiceOf, withFrameChoice, type ChoiceFlags } from '../frame-choice.js';
import { ignoredRules, withIgnoredRules, type IgnoreFlags } from '../ignored-rules.js';
import { readSecrets, withSecrets, writeKeyLog, type SecretFlags } from '../secrets.js';
import type { SecretList, SessionKey } from '../../security/secrets.js';
import { examples, idlOptions, say, sortIdl, type Register } from './command.js';

interface ExportFlags extends SecretFlags, IgnoreFlags, IdlFlags, ChoiceFlags {
  readonly output: string;
  readonly sensor: string;
  readonly sensorFrom?: RegExp;
  readonly format: LakeFormat;
  readonly opnums: Numbering;
  readonly inOrder?: true;
  readonly strict?: true;
  readonly state?: string;
}

/** `export`: captures to tables for SQL. */
export const exportCommand: Register = (program, { streams, load, done }) => {
  const command = program
    .command('export')
    .summary('captures to tables for SQL: Parquet or CSV')
    .description(
      'Writes calls, findings, problems, objects and logons of captures as tables, partitioned by day and sensor, with a manifest of what was read (docs/lake.md). The captures of a sensor are a chain: they are read as one, by the time of their packets, so that connections may span them. What was exported of the same captures before is replaced.',
    )
    .argument('<file...>', 'captures, all of a sensor that follow one another')
    .requiredOption('-o, --output <dir>', 'folder of the tables; others may be in it already')
    .option('--sensor <name>', 'where the captures were taken', sensorName, 'local')
    .option(
      '--sensor-from <regex>',
      'takes the sensor from the name of each file: what the first group of the expression matches; each sensor is a chain',
      expression,
    )
    .addOption(new Option('-f, --format <format>', 'form of the tables').choices(LAKE_FORMATS).default('parquet'))
    .addOption(new Option('--opnums <numbering>', 'as for decode').choices(['auto', 'wire', 'printed']).default('auto'))
    .option('--in-order', 'as for decode')
    .option(
      '--state <file>',
      "keeps in a file what is open at the end (connections, calls, objects), so that the next export with it goes on with its captures as if all were read at once; what it has read before is passed over. '{sensor}' in the name is the sensor's",
    )
    .option('--strict', 'exit with status 3 when an input was damaged; the tables are written all the same')
    .addHelpText(
      'after',
      examples([
        ['export night.pcapng -o lake', ''],
        ['export dc1-*.pcap.gz -o lake --sensor dc1 --password @secret', 'rotated files are one chain'],
        ["export *.pcap -o lake --sensor-from '^(\\w+)-'", 'dc1-0001.pcap, dc1-0002.pcap, dc2-0001.pcap…'],
        ['export night.pcapng -o tables --format csv', ''],
        ['export day.pcapng -o lake --host build-42', 'a part of the packets'],
        ['export ring/*.pcap -o lake --sensor dc1 --state dc1.state', 'every night: goes on where it stopped'],
      ]),
    )
    .action(async (args: string[], flags: ExportFlags) => {
      const { rest, idl } = sortIdl(args, flags);
      if (rest.length === 0) throw new UsageError('export: give a capture beside the IDL files');
      done(await exportFiles(rest, flags, streams, await load(idl)));
    });
  withSecrets(withFrameChoice(command));
  withIgnoredRules(command);
  for (const option of idlOptions()) command.addOption(option);
};

async function exportFiles(
  files: readonly string[],
  flags: ExportFlags,
  streams: Streams,
  known: Knowledge,
): Promise<number> {
  if (files.includes('-')) throw new UsageError('export reads each capture twice: write stdin to a file first');
  const secrets = readSecrets(flags, streams.env);
  const ignoreRules = await ignoredRules(flags, streams.env, known.registry);
  const choice = await frameChoiceOf(flags);
  const keys: SessionKey[] = [];
  let damaged = false;
  let unread = false;
  const chains = bySensor(files, flags);
  if (chains.size > 1 && flags.state?.includes(SENSOR) === false)
    throw new UsageError(
      `--state: these are captures of ${chains.size} sensors, and each has a state of its own: write ${SENSOR} where its name belongs`,
    );
  for (const [sensor, chain] of chains) {
    const security = new SecurityObserver(secrets);
    const progress = new Progress(streams.stderr);
    const told: string[] = [];
    const { manifest, passed } = await exportChain({
      lake: flags.output,
      sensor,
      files: chain,
      format: flags.format,
      tool: `uamgscope ${packageVersion()}`,
      ...(choice === null ? {} : { packets: choiceText(choice) }),
      names: known.names,
      open: (path, framesBefore) => known.open(path, framesBefore, streams.stdin),
      pipeline: new Pipeline({
        registry: known.registry,
        nameOf: (value) => known.names.hresult(value),
        opnums: flags.opnums,
        inOrder: flags.inOrder === true,
        choice,
        ignoreRules,
        security,
      }),
      inOrder: flags.inOrder === true,
      ...stateOf(flags, sensor, { known, secrets, choice, ignoreRules }),
      progress: (read, size) => progress.update(read, size),
      record: (record) => {
        if (record.kind === 'finding' && isOfInput(record) && told.length < MAX_LINES) told.push(record.message);
      },
    });
    progress.clear();
    for (const message of told) await say(streams, `! ${sensor}: ${message}`);
    for (const key of security.sessionKeys) keys.push(key);
    const ours = ofRun(manifest, passed, chain.length);
    for (const line of words(manifest.head, ours, flags.output)) await say(streams, line);
    if (passed > 0) await say(streams, `${countText(passed, 'capture')} of sensor ${sensor} had been read before`);
    damaged ||= ours.some(isDamaged);
    // One that is no capture, as the newest of a ring may be, does not make the others' tables a failure.
    unread ||= manifest.inputs.length > 0 && manifest.inputs.every((one) => one.refused !== null);
  }
  writeKeyLog(flags, keys, files);
  if (unread) return EXIT.usage;
  return flags.strict === true && damaged ? EXIT.damaged : EXIT.ok;
}

/** Stands for the sensor in the name of a state. */
const SENSOR = '{sensor}';

/** With what a chain goes on; nothing where it is not asked for. */
function stateOf(
  flags: ExportFlags,
  sensor: string,
  {
    known,
    secrets,
    choice,
    ignoreRules,
  }: {
    readonly known: Knowledge;
    readonly secrets: SecretList;
    readonly choice: FrameChoice | null;
    readonly ignoreRules: ReadonlySet<string>;
  },
): { readonly state?: StateOptions } {
  if (flags.state === undefined) return {};
  const path = flags.state.replaceAll(SENSOR, hiveValue(sensor));
  const settings = {
    format: flags.format,
    '--opnums': flags.opnums,
    '--in-order': flags.inOrder === true ? 'given' : 'not given',
    '--ignore-rule': [...ignoreRules].toSorted().join(', '),
    secrets: secretsText(secrets),
    ...(choice === null ? {} : { packets: choiceText(choice) }),
  };
  return { state: { path, given: [known.registry, secrets], settings } };
}

/** Which secrets were given, without what they are. */
function secretsText({ passwords = [], ntHashes = [], keytab = [], credentials = [], ...keys }: SecretList): string {
  const users = [...passwords, ...ntHashes].map(({ user }) => user ?? 'everybody');
  const principals = keytab.map(({ principal }) => principal);
  const others = credentials.length + (keys.sessionKeys?.length ?? 0) + (keys.smbKeys?.length ?? 0);
  const all = [...new Set([...users, ...principals]), ...(others === 0 ? [] : [`${others} keys`])];
  return all.length === 0 ? 'none' : all.join(', ');
}

/** The captures that this run has read; of a chain that grows there are others before. */
function ofRun({ head, inputs }: Manifest, passed: number, given: number): readonly InputLine[] {
  if (passed === given) return [];
  return inputs.filter(({ part }) => part === head.part);
}

/** The chain of each sensor, in the order given. @throws UsageError */
function bySensor(
  files: readonly string[],
  { sensor, sensorFrom }: ExportFlags,
): ReadonlyMap<string, readonly string[]> {
  if (sensorFrom === undefined) return new Map([[sensor, files]]);
  const chains = new Map<string, string[]>();
  for (const path of files) {
    const name = sensorFrom.exec(basename(path))?.[1] ?? '';
    if (name === '') throw new UsageError(`--sensor-from: ${path} does not say which sensor it is from`);
    const chain = chains.get(name);
    if (chain === undefined) chains.set(name, [path]);
    else chain.push(path);
  }
  return chains;
}

/** Lines on inputs that were damaged. */
const MAX_LINES = 20;

function* words(head: ChainLine, inputs: readonly InputLine[], lake: string): Generator<string> {
  const broken = inputs.filter(isDamaged);
  for (const { file, refused, damage } of broken.slice(0, MAX_LINES))
    yield refused === null
      ? `! ${file}: damaged: ${Object.entries(damage)
          .map(([code, count]) => `${code} (${count})`)
          .join(', ')}`
      : `! ${file}: ${refused}`;
  if (broken.length > MAX_LINES)
    yield `! ${broken.length - MAX_LINES} more inputs are damaged: the manifest names them`;
  for (const { file, sameAs } of inputs) if (sameAs !== null) yield `! ${file} is the same capture as ${sameAs}`;
  const bytes = head.parts.reduce((sum, part) => sum + part.bytes, 0);
  const files = countText(head.parts.length, 'file');
  yield `${lake}: ${countText(head.calls, 'call')} of sensor ${head.sensor} in ${files}, ${bytesText(bytes)}`;
}

function isDamaged({ refused, damage }: InputLine): boolean {
  return refused !== null || Object.keys(damage).length > 0;
}

function sensorName(text: string): string {
  if (text === '' || text.length > 128) throw new UsageError('--sensor wants a name of up to 128 characters');
  return text;
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch {
    throw new UsageError(`--sensor-from: ${text} is no regular expression`);
  }
}
