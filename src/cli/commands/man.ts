import { packageVersion } from '../../io/package.js';
import { Sink } from '../../io/sink.js';
import { manualPage } from '../manual.js';
import { examples, type Register } from './command.js';

/** `man`: the manual page. */
export const manCommand: Register = (program, context) => {
  program
    .command('man')
    .summary('the manual page')
    .description('Prints the manual page, made from the help of all commands.')
    .addHelpText(
      'after',
      examples([
        ['man | man -l -', ''],
        ['man > ~/.local/share/man/man1/uamgscope.1', ''],
      ]),
    )
    .action(async () => {
      const out = new Sink(context.streams.stdout);
      out.text(
        manualPage(await context.program(), {
          version: packageVersion(),
          status: [
            [0, 'Done, nothing wrong.'],
            [1, 'What was checked for was found: a replay that differs, a rule broken with --fail-on.'],
            [2, 'Bad usage, or input that cannot be read.'],
            [3, 'The input was read but was damaged (with --strict).'],
          ],
          environment: [
            [
              'UAMGSCOPE_PASSWORD, UAMGSCOPE_NT_HASH, UAMGSCOPE_KEYTAB, UAMGSCOPE_KEYS',
              'As the options of those names.',
            ],
            ['NO_COLOR', 'No colours, whatever the terminal can do.'],
            ['XDG_CONFIG_HOME', 'Where the configuration lies; ~/.config when unset.'],
          ],
          files: [
            [
              '~/.config/uamgscope/config.yaml',
              'Theme, columns, keys and named expressions; tui --print-config prints them.',
            ],
          ],
          documents: 'The documents that come with the package, in its folder docs.',
        }),
      );
      await out.flush();
    });
};
