import { Option } from 'commander';
import { Sink } from '../../io/sink.js';
import { EXIT, type Streams } from '../../io/streams.js';
import { SAMPLE_CAPTURE } from '../../io/package.js';
import type { TuiFlags } from '../tui/terminal.js';
import { withFrameChoice } from '../frame-choice.js';
import { withIndex } from '../index-choice.js';
import { rotationOptions } from '../rotation.js';
import { BACKENDS } from '../../io/live/tools.js';
import { withSecrets } from '../secrets.js';
import { examples, idlOptions, sortIdl, type CommandContext, type Register } from './command.js';

/** `tui`: the terminal analyzer. */
export const tuiCommand: Register = (program, context) => {
  const command = program
    .command('tui')
    .summary('the terminal analyzer')
    .description(
      'Shows the calls of a capture in the terminal: arguments, objects, bytes, statistics. A file may be opened while it is still being written. Without a file: the sample capture.',
    )
    .argument('[file...]', 'captures (several are read as one, by the time of their packets), or - for stdin')
    .option('-w, --where <expr>', 'begin with this filter (docs/where.md)')
    .addOption(
      new Option('--theme <theme>', 'colours for a dark or a light background; auto asks the terminal').choices([
        'auto',
        'dark',
        'light',
      ]),
    )
    .option('--print-config', 'print the configuration in force (theme, columns, keys, named expressions) and end')
    .option('--in-order', 'as for decode')
    .option('-l, --live <interface>', 'watch a network interface instead of a file')
    .option('--filter <bpf>', 'with --live: packets to capture, as for live')
    .addOption(new Option('--backend <tool>', 'with --live: what captures').choices(BACKENDS).default('auto'))
    .option('--write <file>', 'with --live: keep the packets in this pcapng file')
    .option(
      '--user-after <name>',
      'with --live, as root: who decodes once packets come; left out: who called sudo (root: stays root)',
    )
    .addOption(
      new Option('--opnums <numbering>', 'which opnums the peers send')
        .choices(['auto', 'wire', 'printed'])
        .default('auto'),
    )
    .option(
      '--user <name>',
      'who signs in when the session is replayed (r); the password comes from --password or --nt-hash',
    )
    .option('--domain <name>', 'domain of the user')
    .option('--rules <file>', 'what may differ in a replay (docs/compare.md)')
    .addHelpText(
      'after',
      examples([
        ['tui session.pcapng', ''],
        ['tui session.pcapng --where failed', 'only calls that failed'],
        ['tui day.pcapng --host build-42 --from 2026-11-20T12:00', 'other packets are passed over'],
        ['tui tap-rx.pcap tap-tx.pcap', 'a tap writes a file for each direction'],
        ['tui --live eth0 --write session.pcapng', ''],
        ['tui --live eth0 --write day.pcapng --rotate-size 100M --rotate-count 20', 'a ring of files'],
        ['tui -', 'capture from stdin, keys from the terminal'],
        ['ssh host tcpdump -U -w - not port 22 | uamgscope tui -', 'packets of another host as they come'],
      ]),
    )
    .action(async (args: string[], flags: TuiFlags & { readonly printConfig?: true }) => {
      const { rest, idl } = sortIdl(args, flags);
      const files = rest.length === 0 ? [SAMPLE_CAPTURE] : rest;
      const given = { ...flags, ...idl };
      context.done(await (flags.printConfig === true ? printConfig(context.streams) : tui(files, given, context)));
    });
  withIndex(withFrameChoice(command));
  for (const option of rotationOptions()) command.addOption(option);
  withSecrets(command, { exports: false });
  for (const option of idlOptions()) command.addOption(option);
};

async function printConfig(streams: Streams): Promise<number> {
  const { configText, readConfig } = await import('../config.js');
  const out = new Sink(streams.stdout);
  out.text(configText(readConfig(streams.env)));
  await out.flush();
  return EXIT.ok;
}

/** The screen is loaded only when it is asked for: other commands start sooner without it. */
async function tui(files: readonly string[], flags: TuiFlags, { streams, load }: CommandContext): Promise<number> {
  const { analyze } = await import('../tui/terminal.js');
  return analyze(files, flags, streams, await load(flags));
}
