import { type Command, InvalidArgumentError } from 'commander';
import type { FrameChoice } from '../pipeline/frame-choice.js';
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
      portOf,
    )
    .option(
      '--from <time>',
      'only packets from this moment on, as 2026-11-20T12:00:00.5 in UTC; what was before is not known',
      momentOf,
    )
    .option('--to <time>', 'only packets before this moment', momentOf);
}

/** Why a choice of packets means nothing for a file. */
export function notOfRecordings(path: string): string {
  return `--host, --session, --port, --from and --to choose packets of captures, and ${path} is a recording: --where chooses calls`;
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
  return {
    choice: none ? null : { between, ports, from, to },
    where: session.length === 0 ? where : narrowed(hosts, where),
  };
}

function portOf(text: string, before: readonly number[] = []): readonly number[] {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 0xffff)
    throw new InvalidArgumentError('It must be a port, from 1 to 65535.');
  return [...before, port];
}

const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?$/i;

/** A moment as records show it; without a zone it is in UTC, as they are. */
function momentOf(text: string): Moment {
  const [, day = '', time = '00:00:00', fraction = '', zone = 'Z'] = MOMENT.exec(text.trim()) ?? [];
  const seconds = time.length === 5 ? `${time}:00` : time;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const timeS = Date.parse(`${day}T${seconds}${offset}`) / 1000;
  // Days that a month does not have would be those of the next one.
  if (Number.isNaN(timeS) || !isDay(day))
    throw new InvalidArgumentError(
      'It must be a time as records show it: 2026-11-20T12:00:00.123456789Z, with fewer digits, or with +01:00 for Z.',
    );
  return { timeS, timeNs: Number(fraction.padEnd(9, '0')) };
}

function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}
