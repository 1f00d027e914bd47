import { Transform, type Readable, type Writable } from 'node:stream';
import { themeFor, type Theme } from '../../tui/palette.js';

/** Milliseconds that a terminal has to say what its background is. */
const PATIENCE_MS = 300;
/** Asks for the colour of the background (OSC 11), and for what every terminal answers, so that none is waited for. */
const QUESTION = '\u001b]11;?\u0007\u001b[c';
const COLOUR = /\u001b\]11;([^\u0007\u001b]*)(?:\u0007|\u001b\\)/;
const ATTRIBUTES = /\u001b\[\?[\d;]*c/;

export type Keys = Readable & { readonly isTTY?: boolean; setRawMode?: (on: boolean) => unknown };

/** What asking came to: the theme, null where the terminal does not say, and the keys as they go on. */
export interface Background {
  readonly theme: Theme | null;
  readonly keys: Keys;
}

/** Asks the terminal for its background. What is typed meanwhile is kept; answers that come late are no keys. */
export async function backgroundOf(keys: Keys, output: Writable): Promise<Background> {
  if (keys.isTTY !== true || keys.setRawMode === undefined) return { theme: null, keys };
  keys.setRawMode(true);
  let heard = '';
  const answered = await new Promise<boolean>((resolve) => {
    const listen = (piece: Buffer): void => {
      heard += piece.toString('latin1');
      if (ATTRIBUTES.test(heard)) done(true);
    };
    const done = (whole: boolean): void => {
      clearTimeout(timer);
      keys.off('data', listen);
      keys.pause();
      resolve(whole);
    };
    const timer = setTimeout(() => done(false), PATIENCE_MS);
    keys.on('data', listen);
    output.write(QUESTION);
  });
  const theme = themeFor(COLOUR.exec(heard)?.[1] ?? '');
  const typed = withoutAnswers(heard);
  if (typed !== '') keys.unshift(Buffer.from(typed, 'latin1'));
  return { theme, keys: answered ? keys : withoutLateAnswers(keys) };
}

function withoutAnswers(text: string): string {
  return text.replace(new RegExp(COLOUR, 'g'), '').replace(new RegExp(ATTRIBUTES, 'g'), '');
}

/** The keys of a terminal that is slow to answer. */
function withoutLateAnswers(keys: Keys): Keys {
  const filter = new Transform({
    transform(piece: Buffer, _, done) {
      done(null, Buffer.from(withoutAnswers(piece.toString('latin1')), 'latin1'));
    },
  });
  keys.pipe(filter);
  const setRawMode = (on: boolean): void => {
    keys.setRawMode?.(on);
    // The screen lets go of its keys: nothing is read of them any more.
    if (!on) keys.pause();
  };
  return Object.assign(filter, { isTTY: true, setRawMode });
}
