import { Option } from 'commander';
import { Sink } from '../sink.js';
import { examples, type Register } from './command.js';
import { interfacesLines } from './interfaces-lines.js';

/** `interfaces`: what is known. */
export const interfacesCommand: Register = (program, { streams, load }) => {
  program
    .command('interfaces')
    .summary('what is known')
    .description('Lists the interfaces in the tables, or the methods of one (by name or IID).')
    .argument('[name]', 'name or IID of an interface')
    .addOption(new Option('-f, --format <format>', 'for people or programs').choices(['text', 'json']).default('text'))
    .addHelpText('after', examples([
      ['interfaces', ''],
      ['interfaces IUpdateSearcher', ''],
      ['interfaces 8f45abf1-f9ae-4b95-a933-f0f66e5056ea --format json', ''],
    ]))
    .action(async (name: string | undefined, flags: { readonly format: 'text' | 'json' }) => {
      const out = new Sink(streams.stdout);
      interfacesLines((await load()).registry, name ?? null, flags.format, out);
      await out.flush();
    });
};
