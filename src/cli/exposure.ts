import { isIP } from 'node:net';

/** How a server lets clients in. */
interface Door {
  readonly host: string;
  /** Whether nobody has to sign in. */
  readonly open: boolean;
  /** The least level that calls have to have; null: none in particular. */
  readonly minLevel: string | null;
}

/** Levels at which calls are not protected on their way. */
const BARE: readonly string[] = ['none', 'connect', 'call'];

/** What whoever listens beyond this machine should know, or null. */
export function exposureOf({ host, open, minLevel }: Door): string | null {
  if (isLocal(host)) return null;
  const where = host === '0.0.0.0' || host === '::' ? 'on every address of this machine' : `at ${host}`;
  if (open)
    return `! whoever reaches it ${where} may call it, and nobody has to sign in: give --password USER:PASS, or --listen 127.0.0.1:PORT`;
  return minLevel !== null && BARE.includes(minLevel)
    ? `! calls that come ${where} may be changed on their way: give --min-level integrity, or --listen 127.0.0.1:PORT`
    : null;
}

/** Whether only this machine reaches an address; names other than localhost are taken for others. */
function isLocal(host: string): boolean {
  const address = host.replace(/^::ffff:/i, '');
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
