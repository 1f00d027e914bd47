import { type Command, InvalidArgumentError } from 'commander';
import { isBefore, type FrameChoice } from '../pipeline/frame-choice.js';
import { UsageError } from '../io/streams.js';
import { IsoClock } from '../output/time.js';
import type { Moment } from '../types.js';
import { chosenHosts, narrowed, withHostOptions, type HostFlags } from './hosts.js';

/** What `--host`, `--session`, `--port`, `--from` and `--to` give. */
export interface ChoiceFlags extends HostFlags {
  readonly port?: readonly number[];
  readonly from?: Moment;
  readonly to?: Moment;
}

/** Options of commands that read captures: which packets are looked at. */
export function withFrameChoice(command: Command): Command {
  return withHostOptions(command)
    .option(
      '--port <number>',
      'only connections of which one end has this port (repeatable; docs/prefilters.md)',
      portFlag,
    )
    .option(
      '--from <time>',
      'only packets from this moment on, as 2026-11-20T12:00:00.5 in UTC; what was before is not known',
      momentFlag,
    )
    .option('--to <time>', 'only packets before this moment', momentFlag);
}

/** Refuses what chooses packets of captures, where packets of an interface are watched. @throws UsageError */
export function notWatching(flags: ChoiceFlags, option: string): void {
  const lone = (['port', 'from', 'to'] as const).find((name) => flags[name] !== undefined);
  if (lone !== undefined)
    throw new UsageError(`--${lone} chooses packets of captures; with ${option} there is --filter`);
}

/** The options that choose packets, in a sentence. */
export const CHOICE_OPTIONS = '--host, --session, --port, --from and --to';

/** Why a choice of packets means nothing for a file. */
export function notOfRecordings(path: string): string {
  return `${CHOICE_OPTIONS} choose packets of captures, and ${path} is a recording: --where chooses calls`;
}

/** Which packets are looked at; null where all are. Looks up the hosts that were named. @throws UsageError */
export async function frameChoiceOf(flags: ChoiceFlags): Promise<FrameChoice | null> {
  return (await chosenBy(flags)).choice;
}

/** The same, and the expression of --where for the calls that are meant: of a session, those of its client. */
export async function chosenBy(
  flags: ChoiceFlags,
  where?: string,
): Promise<{ readonly choice: FrameChoice | null; readonly where: string | undefined }> {
  const { port: ports = [], from = null, to = null, session = [] } = flags;
  const hosts = await chosenHosts(flags);
  const between = hosts?.between ?? [];
  const none = between.length === 0 && ports.length === 0 && from === null && to === null;
  if (from !== null && to !== null && !isBefore(from, to))
    throw new UsageError(
      `no packet is from ${timeText(from)} on and before ${timeText(to)}: --from is the earlier one`,
    );
  return {
    choice: none ? null : { between, ports, from, to },
    where: session.length === 0 ? where : narrowed(hosts, where),
  };
}

/** A choice of packets in words, for what is kept of a capture. */
export function choiceText({ between, ports, from, to }: FrameChoice): string {
  const hosts = between.map(({ one, other }) => [one, other ?? []].map((some) => some.join(', ')).join(' – '));
  return [
    ...hosts.map((some) => `hosts ${some.replace(/ – $/, '')}`),
    ...(ports.length === 0 ? [] : [`ports ${ports.join(', ')}`]),
    ...(from === null ? [] : [`from ${timeText(from)}`]),
    ...(to === null ? [] : [`to ${timeText(to)}`]),
  ].join('; ');
}

/** What the library is given of a choice; docs/prefilters.md. */
export interface PacketChoice {
  /** Packets from and to these hosts, by address or name. */
  readonly host?: string | readonly string[];
  /** Connections of which one end has one of these ports. */
  readonly port?: number | readonly number[];
  /** Packets from this moment on, and before this one; text is as `--from` takes it. */
  readonly from?: string | Date;
  readonly to?: string | Date;
}

/** The same, as options of a library have it. @throws UsageError */
export async function packetChoice({ host = [], port = [], from, to }: PacketChoice): Promise<FrameChoice | null> {
  const ports = [port].flat();
  const wrong = ports.find((one) => !isPort(one));
  if (wrong !== undefined) throw new UsageError(`port: ${wrong} is none: ${PORT_WORDS}`);
  const [begin, end] = [givenMoment('from', from), givenMoment('to', to)];
  return frameChoiceOf({
    host: [host].flat(),
    port: ports,
    ...(begin === null ? {} : { from: begin }),
    ...(end === null ? {} : { to: end }),
  });
}

function givenMoment(name: string, given: string | Date | undefined): Moment | null {
  if (given === undefined) return null;
  if (given instanceof Date && Number.isNaN(given.getTime())) throw new UsageError(`${name}: ${MOMENT_WORDS}`);
  const moment = momentOf(given instanceof Date ? given.toISOString() : given);
  if (moment === null) throw new UsageError(`${name}: ${MOMENT_WORDS}`);
  return moment;
}

const PORT_WORDS = 'It must be a port, from 1 to 65535.';

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 0xffff;
}

function portFlag(text: string, before: readonly number[] = []): readonly number[] {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || !isPort(port)) throw new InvalidArgumentError(PORT_WORDS);
  return [...before, port];
}

const MOMENT_WORDS =
  'It must be a time as records show it: 2026-11-20T12:00:00.123456789Z, with fewer digits, or with +01:00 for Z.';
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/i;

function momentFlag(text: string): Moment {
  const moment = momentOf(text);
  if (moment === null) throw new InvalidArgumentError(MOMENT_WORDS);
  return moment;
}

/** A moment as records show it; without a zone it is in UTC, as they are. Null for other texts. */
function momentOf(text: string): Moment | null {
  const [, day = '', time = '00:00:00', fraction = '', zone = 'Z'] = MOMENT.exec(text.trim()) ?? [];
  const seconds = time.length === 5 ? `${time}:00` : time;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const timeS = Date.parse(`${day}T${seconds}${offset}`) / 1000;
  // Days that a month does not have would be those of the next one.
  if (Number.isNaN(timeS) || !isDay(day)) return null;
  return { timeS, timeNs: Number(fraction.padEnd(9, '0')) };
}

function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

function timeText(moment: Moment): string {
  return new IsoClock().text(moment);
}
