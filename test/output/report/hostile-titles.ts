import { activation, bstr, dispatch, i4, invoke, reference, Story, UPDATE_SESSION } from '../../support/story.js';

/** Titles that would be markup, links, commands or another direction if they were not kept text. */
export const HOSTILE: readonly string[] = [
  '<script>alert(1)</script>',
  ']]><!--',
  '\u202egpj.exe',
  'a\u0007b\u001b[31mred\u009b0m',
  '| cell | `code` **bold** [link](javascript:alert(1))',
  'http://evil.example/ www.evil.example @everyone',
  '"\'&amp;</td></table>',
  '\ud800lone',
  '1. list\n# heading',
  '<img src=x onerror=alert(1)>',
];

/** A session that searches for, and reads the titles of, updates. */
export function searched(titles: readonly string[], criteria = 'IsInstalled=0'): Story {
  const story = new Story();
  story.dial(135).call(activation(UPDATE_SESSION, reference(1)));
  const session = story.dial();
  session.call(invoke(1, 0x6002_0004, { returns: dispatch(2) }));
  session.call(invoke(2, 0x6002_000c, { args: [bstr(criteria)], returns: dispatch(3) }));
  session.call(invoke(3, 0x6002_0003, { flags: 2, returns: dispatch(4) }));
  for (const [at, title] of titles.entries()) {
    session.call(invoke(4, 0, { flags: 2, args: [i4(at)], returns: dispatch(100 + at) }));
    session.call(invoke(100 + at, 0, { flags: 2, returns: bstr(title) }));
  }
  story.close();
  return story;
}
