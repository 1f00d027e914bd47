import { Option } from 'commander';
import { Sink } from '../../io/sink.js';
import type { IdlFlags } from '../../io/idl.js';
import { examples, idlOptions, sortIdl, type Register } from './command.js';
import { interfacesLines } from './interfaces-lines.js';

/** `interfaces`: what is known. */
export const interfacesCommand: Register = (program, { streams, load }) => {
  const command = program
    .command('interfaces')
    .summary('what is known')
    .description('Lists the interfaces in the tables, or the methods of those named (by name or IID).')
    .argument('[name...]', 'names or IIDs of interfaces')
    .addOption(new Option('-f, --format <format>', 'for people or programs').choices(['text', 'json']).default('text'))
    .addHelpText(
      'after',
      examples([
        ['interfaces', ''],
        ['interfaces IUpdateSearcher', ''],
        ['interfaces IUpdate IUpdate2', ''],
        ['interfaces IFsrmQuota --idl fsrm.idl', ''],
        ['interfaces 8f45abf1-f9ae-4b95-a933-f0f66e5056ea --format json', ''],
      ]),
    )
    .action(async (args: string[], flags: IdlFlags & { readonly format: 'text' | 'json' }) => {
      const { rest, idl } = sortIdl(args, flags);
      const out = new Sink(streams.stdout);
      interfacesLines((await load(idl)).registry, rest, flags.format, out);
      await out.flush();
    });
  for (const option of idlOptions()) command.addOption(option);
};
