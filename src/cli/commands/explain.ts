import { Sink } from '../../io/sink.js';
import { EXIT } from '../../io/streams.js';
import { examples, type Register } from './command.js';
import { explainLines } from './explain-lines.js';

/** `explain`: a code, IID or CLSID in words. */
export const explainCommand: Register = (program, { streams, load, done }) => {
  program
    .command('explain')
    .summary('a code, IID, CLSID, ProgID, member or enumeration value in words')
    .description(
      'Says what an HRESULT, RPC status, interface, class, member or enumeration value means: by number (hexadecimal or decimal), by name, ProgID or GUID.',
    )
    .argument('<code...>', 'numbers, names or GUIDs')
    .addHelpText(
      'after',
      examples([
        ['explain 0x80240007', ''],
        ['explain WU_E_NO_SERVICE nca_s_op_rng_error', ''],
        ['explain -- -2145124345', 'a negative number needs the two dashes'],
        ['explain 4cb43d7f-7eee-4906-8698-60da1c38f2fe', ''],
        ['explain IUpdateSearcher::Search orcSucceeded MMC20.Application', ''],
      ]),
    )
    .action(async (codes: string[]) => {
      const out = new Sink(streams.stdout);
      const messages = new Sink(streams.stderr);
      done(explainLines(await load(), codes, out, messages) ? EXIT.ok : EXIT.usage);
      await out.flush();
      await messages.flush();
    });
};
