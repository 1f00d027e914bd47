import type { Readable } from 'node:stream';
import type { Streams } from '../io/streams.js';
import { UsageError } from '../io/streams.js';
import type { SecretFlags } from './secrets.js';

/** What a command that signs in has of its user's secrets. */
interface SigningFlags extends SecretFlags {
  readonly user?: string;
  readonly kerberos?: true;
}

type Keys = Readable & { readonly isTTY?: boolean; setRawMode?: (on: boolean) => unknown };

/** Longest password that is typed. */
const MOST = 1024;
const KEY = {
  enter: ['\r', '\n'],
  interrupt: '\u0003',
  end: '\u0004',
  back: ['\b', '\u007f'],
  line: '\u0015',
} as const;

/**
 * A user without a password is asked for it on a terminal, where it is not shown; one whose password stands on the
 * command line, which everybody on the machine can list, is told so there. @throws UsageError for one that is called off
 */
export async function withPassword<Flags extends SigningFlags>(flags: Flags, streams: Streams): Promise<Flags> {
  const { stdin, stderr, env } = streams;
  const keys: Keys = stdin;
  if (stderr.isTTY !== true) return flags;
  if ((flags.password ?? []).some((text) => !text.startsWith('@') || text.startsWith('@@')))
    stderr.write(
      'a password on the command line is listed by ps and kept in the history: leave it out to be asked, or give --password @FILE\n',
    );
  const user = flags.user ?? env['UAMGSCOPE_USER'];
  const given = [flags.password, flags.ntHash, flags.keytab, flags.ccache].some((list) => (list?.length ?? 0) > 0);
  const named = ['UAMGSCOPE_PASSWORD', 'UAMGSCOPE_NT_HASH', 'UAMGSCOPE_KEYTAB'].some(
    (name) => (env[name] ?? '') !== '',
  );
  const ticket = flags.kerberos === true && (env['KRB5CCNAME'] ?? '') !== '';
  if (user === undefined || given || named || ticket || keys.isTTY !== true || keys.setRawMode === undefined)
    return flags;
  stderr.write(`password of ${JSON.stringify(user)}: `);
  const password = await typed(keys).finally(() => stderr.write('\n'));
  return { ...flags, password: [`${user}:${password}`] };
}

/** What is typed up to the end of a line, shown nowhere. */
function typed(keys: Keys): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const over = (result: () => void): void => {
      keys.off('data', take);
      keys.setRawMode?.(false);
      keys.pause();
      result();
    };
    const take = (piece: Buffer | string): void => {
      for (const key of String(piece)) {
        if ((KEY.enter as readonly string[]).includes(key)) return over(() => resolve(text));
        if (key === KEY.interrupt || key === KEY.end || text.length >= MOST)
          return over(() => reject(new UsageError('no password was given')));
        if ((KEY.back as readonly string[]).includes(key)) text = [...text].slice(0, -1).join('');
        else text = key === KEY.line ? '' : text + key;
      }
    };
    keys.setRawMode?.(true);
    keys.on('data', take);
    keys.resume();
  });
}
