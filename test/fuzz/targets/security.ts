import { parseKeyLog } from '../../../src/cli/secrets.js';
import { toHex } from '../../../src/bytes/hex.js';
import { UsageError } from '../../../src/io/streams.js';
import { NtlmAcceptor, NtlmInitiator, ntHash, SpnegoAcceptor, SpnegoInitiator } from '../../../src/security/index.js';
import { Handshake } from '../../../src/security/handshakes.js';
import type { HandshakeSide } from '../../../src/security/mechanism.js';
import { KerberosAcceptor, ReplayCache } from '../../../src/security/kerberos/acceptor.js';
import { readCredentials } from '../../../src/security/kerberos/ccache.js';
import { readKrbError } from '../../../src/security/kerberos/errors.js';
import { KerberosInitiator } from '../../../src/security/kerberos/initiator.js';
import { readEncKdcPart, readKdcReply } from '../../../src/security/kerberos/kdc.js';
import { readKeytab } from '../../../src/security/kerberos/keytab.js';
import {
  isPart,
  readClient,
  readEncTicket,
  readKerberos,
  readSubkey,
} from '../../../src/security/kerberos/messages.js';
import { TicketStore } from '../../../src/security/kerberos/tickets.js';
import {
  readAvPairs,
  readNtlm,
  writeAuthenticate,
  writeAvPairs,
  writeChallenge,
} from '../../../src/security/ntlm/messages.js';
import { SearchBudget } from '../../../src/security/ntlm/watcher.js';
import { Secrets } from '../../../src/security/secrets.js';
import { readSpnego } from '../../../src/security/spnego/token.js';
import { ticketOf, keytabOf, NOW } from '../../security/tickets.js';
import { behind, harvest, SECRETS } from '../seeds.js';
import { Choices, law, textBytes, textOf, told, unlessRefused, unlessSaid, type Target } from '../target.js';

const MOST = 4096;
const secrets = new Secrets(SECRETS);
const users = new Map([['alice', { hash: ntHash('secret') }]]);
const random = (size: number): Uint8Array => new Uint8Array(size).fill(7);
const time = 133_000_000_000_000_000n;
const keytab = keytabOf(18, 17, 23);

const streams = (): readonly Uint8Array[] =>
  harvest().connections.flatMap((chunks) => chunks.map(({ bytes }) => bytes));
const ntlmTokens = (): readonly Uint8Array[] =>
  behind(textBytes('NTLMSSP\0'), streams()).map((one) => one.slice(0, 1500));

/** A token as its sender made it: of an initiator of ours. */
function spnegoTokens(): readonly Uint8Array[] {
  const ntlm = new NtlmInitiator({ user: 'alice', password: 'secret', privacy: true, random, time });
  const spnego = new SpnegoInitiator(ntlm).step(null).token ?? new Uint8Array(0);
  const accepted = new SpnegoAcceptor({
    ntlm: new NtlmAcceptor({ users, server: 'X', random, time }),
    kerberos: null,
  }).step(spnego);
  return [spnego, accepted.token ?? new Uint8Array(0), ...kerberosTokens()];
}

function kerberosTokens(): readonly Uint8Array[] {
  return [18, 23].flatMap((etype) =>
    [false, true].map((wrapped) => {
      const bare = new KerberosInitiator({ credential: ticketOf({ etype }), privacy: true, random, now: () => NOW });
      return (wrapped ? new SpnegoInitiator(bare, 'kerberos') : bare).step(null).token ?? new Uint8Array(0);
    }),
  );
}

const spnego: Target = {
  name: 'spnego',
  law: 'any token: null or a token whose parts lie within it; both sides of a negotiation take any sequence of tokens without an exception',
  most: MOST,
  covers: ['src/security/', 'src/bytes/'],
  seeds: () => spnegoTokens().flatMap((token) => [0, 1, 2].map((how) => Uint8Array.of(how, 0, 4, ...token))),
  run(bytes) {
    const choices = new Choices(bytes);
    const [how, size] = [choices.byte(), choices.word()];
    const rest = bytes.slice(3);
    const read = readSpnego(rest);
    const parts = [read?.token, read?.mic, read?.list].map((part) => part?.length ?? 0);
    law(
      parts.every((part) => part <= rest.length + 8),
      () => told(read),
    );
    const side: HandshakeSide =
      (how & 1) === 0
        ? new SpnegoAcceptor({ ntlm: new NtlmAcceptor({ users, server: 'X', random, time }), kerberos: acceptor() })
        : new SpnegoInitiator(new NtlmInitiator({ user: 'alice', password: 'secret', privacy: true, random, time }));
    if ((how & 1) === 1) side.step(null);
    denies(side, rest, size);
  },
};

/** Tokens of a size, one after another: no side lets anybody in whose proof it has not seen. */
function denies(side: HandshakeSide, bytes: Uint8Array, size: number): void {
  let steps = 0;
  for (let at = 0; at < bytes.length && steps++ < 8; at += Math.max(1, size)) {
    const before = side.context;
    const { failed } = side.step(bytes.slice(at, at + Math.max(1, size)));
    if (failed !== null) law(side.context === before, () => `a context made by: ${failed.message}`);
  }
}

function acceptor(): KerberosAcceptor {
  return new KerberosAcceptor({ keytab, replays: new ReplayCache(), random, now: () => NOW, allows: () => true });
}

const ntlm: Target = {
  name: 'ntlm',
  law: 'any token: null or fields within it, which read the same when written again; nobody signs in without the password; observers take any sequence',
  most: MOST,
  covers: ['src/security/', 'src/bytes/'],
  seeds: () =>
    ntlmTokens().flatMap((token) =>
      [0, 1, 2, 3].map((how) => Uint8Array.of(how, token.length & 255, token.length >> 8, ...token)),
    ),
  run(bytes) {
    const choices = new Choices(bytes);
    const [how, size] = [choices.byte() & 3, choices.word()];
    const rest = bytes.slice(3);
    if (how === 0) again(rest);
    else if (how === 1) {
      // The challenge is always the same here, so that a captured answer to another does not fit.
      const side = new NtlmAcceptor({
        users: new Map([['alice', { hash: ntHash('another') }]]),
        server: 'X',
        random,
        time,
      });
      denies(side, rest, size);
      law(side.context === null, () => 'somebody signed in without the password');
    } else if (how === 2) {
      const side = new NtlmInitiator({ user: 'alice', password: 'secret', privacy: true, random, time });
      side.step(null);
      denies(side, rest, size);
    } else watched(rest, size);
  },
};

function again(token: Uint8Array): void {
  const read = readNtlm(token);
  if (read === null || read.kind === 'negotiate') return;
  if (read.kind === 'challenge') {
    const pairs = readAvPairs(read.targetInfo);
    law(told([...readAvPairs(writeAvPairs(pairs))]) === told([...pairs]), () => 'other pairs when written again');
    // Names are written as UTF-16, of which a name in OEM characters is none.
    if ((read.flags & 1) === 0 || read.targetInfo.length + 2 * read.targetName.length > 0xffff) return;
    const made = readNtlm(writeChallenge(read.flags, read.serverChallenge, read.targetName, read.targetInfo));
    law(told(made) === told({ ...read, flags: (read.flags | 0x200_0000) >>> 0 }), () => `${told(read)}\n${told(made)}`);
    return;
  }
  const { kind, micAt, ...fields } = read;
  if ((read.flags & 1) === 0) return;
  const made = readNtlm(writeAuthenticate(fields));
  law(
    made?.kind === kind && told({ ...made, micAt }) === told({ ...read, flags: (read.flags | 0x200_0000) >>> 0 }),
    () => `${told(read)}\n${told(made)}`,
  );
}

function watched(bytes: Uint8Array, size: number): void {
  const handshake = new Handshake(secrets, new SearchBudget(), new TicketStore([]));
  let answer = false;
  for (let at = 0; at < bytes.length && at < 8 * Math.max(1, size); at += Math.max(1, size)) {
    handshake.push(bytes.slice(at, at + Math.max(1, size)), answer);
    answer = !answer;
  }
}

const kerberos: Target = {
  name: 'kerberos',
  law: 'any message: null or fields within it; observers and both sides take any sequence; no ticket that no key opens lets anybody in',
  most: MOST,
  covers: ['src/security/', 'src/bytes/'],
  seeds: () => kerberosTokens().flatMap((token) => [0, 1, 2, 3].map((how) => Uint8Array.of(how, 0, 4, ...token))),
  run(bytes) {
    const choices = new Choices(bytes);
    const [how, size] = [choices.byte() & 3, choices.word()];
    const rest = bytes.slice(3);
    if (how === 0) {
      readKerberos(rest);
      readEncTicket(rest);
      for (const part of ['ap-rep', 'authenticator'] as const) {
        readSubkey(rest, part);
        isPart(rest, part);
      }
      readClient(rest);
      readKrbError(rest);
      readKdcReply(rest);
      readEncKdcPart(rest);
    } else if (how === 1) {
      // Keys that no ticket of the seeds was made for.
      const strange = keytab.map((entry) => ({
        ...entry,
        key: { ...entry.key, value: entry.key.value.map((one) => one ^ 1) },
      }));
      const side = new KerberosAcceptor({
        keytab: strange,
        replays: new ReplayCache(),
        random,
        now: () => NOW,
        allows: () => true,
      });
      denies(side, rest, size);
      law(side.context === null, () => 'somebody signed in with a ticket of no key');
    } else if (how === 2) {
      const side = new KerberosInitiator({ credential: ticketOf(), privacy: true, random, now: () => NOW });
      side.step(null);
      denies(side, rest, size);
    } else watched(rest, size);
  },
};

function keytabBytes(): Uint8Array {
  const entry = [0, 1, 0, 4, 84, 69, 83, 84, 0, 1, 97, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 18, 0, 4, 1, 2, 3, 4, 0, 0, 0, 2];
  return Uint8Array.of(5, 2, 0, 0, 0, entry.length, ...entry, 255, 255, 255, 252, 0, 0, 0, 0);
}

const keytabs: Target = {
  name: 'keytab',
  law: 'keytabs and credential caches: entries, or an error in words; never more entries than bytes',
  most: MOST,
  covers: ['src/security/kerberos/', 'src/bytes/'],
  seeds: () => [Uint8Array.of(0, ...keytabBytes()), Uint8Array.of(0, 5, 1, ...keytabBytes().subarray(2)), ...CACHES],
  run(bytes) {
    const read = (bytes[0] ?? 0) % 2 === 0 ? readKeytab : readCredentials;
    const entries: readonly unknown[] = unlessSaid<readonly unknown[]>(() => read(bytes.slice(1))) ?? [];
    law(entries.length <= bytes.length, () => `${entries.length} entries of ${bytes.length} bytes`);
  },
};

/** The beginnings of credential caches of versions 3 and 4, and of a KRB-CRED. */
const CACHES: readonly Uint8Array[] = [
  Uint8Array.of(
    1,
    5,
    4,
    0,
    12,
    0,
    1,
    0,
    8,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    1,
    0,
    0,
    0,
    1,
    82,
    0,
    0,
    0,
    1,
    97,
  ),
  Uint8Array.of(1, 5, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 82, 0, 0, 0, 1, 97),
  Uint8Array.of(1, 0x76, 0x10, 0x30, 0x0e, 0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 22, 0xa2, 2, 0x30, 0),
];

const keylog: Target = {
  name: 'keylog',
  law: 'key logs: keys that write to the same lines, or a usage error that names the line',
  most: MOST,
  covers: ['src/cli/secrets', 'src/bytes/'],
  seeds: () => [
    textBytes(
      `# a comment\nntlm ${'ab'.repeat(16)} ${'cd'.repeat(16)}\nkerberos ${'01'.repeat(16)} 18:${'ef'.repeat(32)}\n`,
    ),
    textBytes(
      `smb ${'0a'.repeat(8)} ${'cd'.repeat(16)}\n${'0b'.repeat(8)},${'01'.repeat(16)},"",""\nsmb ${'0c'.repeat(8)} - ${'02'.repeat(32)} ${'03'.repeat(32)}\n`,
    ),
  ],
  run(bytes) {
    const text = textOf(bytes);
    const keys = unlessRefused(() => parseKeyLog('x', text), UsageError);
    if (keys === null) return;
    const lines = [
      ...keys.sessionKeys.map(
        ({ mechanism, session, key, etype }) =>
          `${mechanism} ${toHex(session)} ${mechanism === 'kerberos' ? `${etype}:` : ''}${toHex(key)}`,
      ),
      ...keys.smbKeys.map(({ session, key, fromServer, fromClient }) =>
        ['smb', session, ...[key, fromServer, fromClient].map((one) => (one === null ? '-' : toHex(one)))].join(' '),
      ),
    ];
    law(told(parseKeyLog('x', lines.join('\n'))) === told(keys), () => lines.join('\n'));
  },
};

export const securityTargets: readonly Target[] = [spnego, ntlm, kerberos, keytabs, keylog];
