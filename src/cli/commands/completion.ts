import { Argument } from 'commander';
import { Sink } from '../../io/sink.js';
import { EXIT } from '../../io/streams.js';
import { bashScript } from '../bash-completion.js';
import { suggestions } from '../completion.js';
import { examples, type Register } from './command.js';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** `completion`: a script that makes a shell complete the command line; `complete`: what the script asks. */
export const completionCommand: Register = (program, context) => {
  const { streams } = context;
  program
    .command('completion')
    .summary('completion for a shell')
    .description('Prints a script that makes a shell complete commands, options, names and files.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples([
        ['completion bash > ~/.local/share/bash-completion/completions/uamgscope', ''],
        ['completion zsh > "${fpath[1]}/_uamgscope"', ''],
        ['completion fish > ~/.config/fish/completions/uamgscope.fish', ''],
      ]),
    )
    .action(async (shell: (typeof SHELLS)[number]) => {
      const name = program.name();
      // What reads it may have left: the package writes to the process's own stdout.
      const out = new Sink(streams.stdout);
      if (shell === 'bash') out.line(bashScript(name));
      else (await import('@bomb.sh/tab')).script(shell, name, name);
      await out.flush();
    });
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const out = new Sink(streams.stdout);
      const whole = await context.program();
      const { words: found, directive } = await suggestions(whole, words, () => context.load());
      for (const [word, meaning] of found) out.line(`${word}\t${oneLine(meaning)}`);
      out.line(`:${directive}`);
      await out.flush();
      context.done(EXIT.ok);
    });
};

/** Words on a suggestion, short enough for a list. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 80);
}
