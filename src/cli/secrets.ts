import { Option, type Command } from 'commander';
import { fromHex, toHex } from '../bytes/hex.js';
import { readCredentials } from '../security/kerberos/ccache.js';
import { readKeytab } from '../security/kerberos/keytab.js';
import {
  MAX_SESSION_KEYS,
  type GivenSecret,
  type SecretList,
  type SessionKey,
  type SmbKey,
} from '../security/secrets.js';
import { checkOutput, PRIVATE, writeOutputNow, type OutputOptions } from '../io/output.js';
import { UsageError, type Streams } from '../io/streams.js';
import { fileReason, messageOf } from '../io/reason.js';
import { readSmallFile } from '../io/small-file.js';

/** The options of every command that opens protected traffic. */
export interface SecretFlags {
  readonly password?: readonly string[];
  readonly ntHash?: readonly string[];
  readonly keytab?: readonly string[];
  readonly ccache?: readonly string[];
  readonly keys?: string;
  readonly exportKeys?: string;
  /** Files of `--export-keys` and other outputs that exist are replaced. */
  readonly force?: true;
}

/**
 * Adds the options to a command. One that opens no captures to their end has no keys to export, and says so
 * (`exports: false`).
 */
export function withSecrets(command: Command, { exports = true } = {}): Command {
  return command
    .option(
      '--password <user:pass>',
      'opens NTLM traffic of a user, and Kerberos traffic whose exchanges with the KDC are in the capture (repeatable; without "user:" any user; @FILE reads it from a file; or UAMGSCOPE_PASSWORD)',
      several,
    )
    .option('--nt-hash <user:hex>', 'the same by NT hash (repeatable; @FILE; or UAMGSCOPE_NT_HASH)', several)
    .option(
      '--keytab <file>',
      'opens Kerberos traffic to the services of a keytab, or of its users where their exchanges with the KDC are in the capture (repeatable; or UAMGSCOPE_KEYTAB)',
      several,
    )
    .option(
      '--ccache <file>',
      'opens Kerberos traffic with the tickets of a credential cache or a KRB-CRED file (repeatable)',
      several,
    )
    .option('--keys <file>', 'opens traffic with a key log (docs/keys.md; or UAMGSCOPE_KEYS)')
    .addOption(exports ? EXPORT_KEYS : refused(command.name()))
    .option('--force', 'replaces output files that exist');
}

const EXPORT_KEYS = new Option(
  '--export-keys <file>',
  'writes the keys of the sessions that were opened, so that they can be shared without the password',
);

function refused(command: string): Option {
  return new Option('--export-keys <file>').hideHelp().argParser(() => {
    throw new UsageError(`--export-keys: ${command} exports no keys; decode CAPTURE --export-keys FILE does`);
  });
}

/** Gathers an option that may be given several times. */
function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** `user:password`; without a colon the password of any user. */
export function passwordOf(text: string): { readonly user: string | null; readonly password: string } {
  const { user, rest } = split(text);
  return { user, password: rest };
}

/** Whether there is any secret among these. */
export function opensAnything(secrets: SecretList): boolean {
  return Object.values(secrets).some((some) => some !== undefined && some.length > 0);
}

/** Reads what the options and the environment name. @throws UsageError, which never quotes a secret */
export function readSecrets(flags: SecretFlags, env: Streams['env']): SecretList {
  const passwords = [...(flags.password ?? []), ...lines(env['UAMGSCOPE_PASSWORD'])]
    .flatMap((text) => expanded(text, '--password'))
    .map(passwordOf);
  const ntHashes = [...(flags.ntHash ?? []), ...lines(env['UAMGSCOPE_NT_HASH'])]
    .flatMap((text) => expanded(text, '--nt-hash'))
    .map((text) => {
      const { user, rest } = split(text);
      const hash = fromHex(rest);
      if (hash?.length !== 16) throw new UsageError(`--nt-hash ${user ?? ''}: an NT hash is 32 hexadecimal digits`);
      return { user, hash };
    });
  const keys = flags.keys ?? env['UAMGSCOPE_KEYS'];
  if (flags.exportKeys !== undefined) checkOutput(flags.exportKeys, keyLogOptions(flags, []));
  // The environment's are for every capture: that one does not need them is no news.
  const given: GivenSecret[] = [
    ...passwords
      .slice(0, own(flags.password, '--password'))
      .map(({ user }) => ({ option: '--password' as const, user })),
    ...ntHashes.slice(0, own(flags.ntHash, '--nt-hash')).map(({ user }) => ({ option: '--nt-hash' as const, user })),
    ...(flags.keytab ?? []).map(() => ({ option: '--keytab' as const, user: null })),
    ...(flags.keys === undefined ? [] : [{ option: '--keys' as const, user: null }]),
  ];
  return {
    given,
    passwords,
    ntHashes,
    ...(keys === undefined ? {} : parseKeyLog(keys, read(keys, '--keys'))),
    keytab: [...(flags.keytab ?? []), ...lines(env['UAMGSCOPE_KEYTAB'])].flatMap((path) =>
      parsed(path, '--keytab', readKeytab),
    ),
    credentials: (flags.ccache ?? []).flatMap((path) => parsed(path, '--ccache', readCredentials)),
  };
}

/** How many secrets the texts of an option hold. */
function own(texts: readonly string[] | undefined, option: string): number {
  return (texts ?? []).flatMap((text) => expanded(text, option)).length;
}

function parsed<Entry>(
  path: string,
  option: string,
  reader: (bytes: Uint8Array) => readonly Entry[],
): readonly Entry[] {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readSmallFile(path));
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read: ${fileReason(error)}`);
  }
  try {
    return reader(bytes);
  } catch (error) {
    throw new UsageError(`${option} ${path}: ${messageOf(error)}`);
  }
}

/** Writes the key log that `--export-keys` asks for; `inputs` are the files that were read. @throws UsageError */
export function writeKeyLog(flags: SecretFlags, keys: readonly SessionKey[], inputs: readonly string[]): void {
  const path = flags.exportKeys;
  if (path === undefined) return;
  const text = [
    '# uamgscope key log; docs/keys.md',
    ...(keys.length < MAX_SESSION_KEYS ? [] : [`# the first ${MAX_SESSION_KEYS} sessions; docs/limits.md`]),
    ...keys
      .slice(0, MAX_SESSION_KEYS)
      .map(
        (one) =>
          `${one.mechanism} ${toHex(one.session)} ${one.mechanism === 'kerberos' ? `${one.etype}:` : ''}${toHex(one.key)}`,
      ),
  ].join('\n');
  writeOutputNow(path, `${text}\n`, keyLogOptions(flags, inputs));
}

function keyLogOptions(
  { force, keys, keytab = [], ccache = [] }: SecretFlags,
  inputs: readonly string[],
): OutputOptions {
  return {
    force: force === true,
    mode: PRIVATE,
    inputs: [...inputs, ...keytab, ...ccache, ...(keys === undefined ? [] : [keys])],
  };
}

/**
 * The keys of a key log, or of Wireshark's list of SMB session keys (docs/keys.md); `name` is what errors call it.
 * @throws UsageError that names the line
 */
export function parseKeyLog(
  name: string,
  log: string,
): { readonly sessionKeys: readonly SessionKey[]; readonly smbKeys: readonly SmbKey[] } {
  const sessionKeys: SessionKey[] = [];
  const smbKeys: SmbKey[] = [];
  for (const [at, line] of log.split('\n').entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    const key = keyOf(text);
    const smb = key === null ? smbKeyOf(text) : null;
    if (key !== null) sessionKeys.push(key);
    else if (smb !== null) smbKeys.push(smb);
    else throw new UsageError(`${name}, line ${at + 1}: not a line of a key log (docs/keys.md)`);
    if (sessionKeys.length + smbKeys.length > MAX_SESSION_KEYS)
      throw new UsageError(`${name}: more than ${MAX_SESSION_KEYS} keys`);
  }
  return { sessionKeys, smbKeys };
}

/** `ntlm SESSION KEY`, `kerberos SESSION ETYPE:KEY`. */
function keyOf(text: string): SessionKey | null {
  const [mechanism, session, key, ...more] = text.split(/\s+/);
  if ((mechanism !== 'ntlm' && mechanism !== 'kerberos') || more.length > 0) return null;
  const [etype, hex] = mechanism === 'kerberos' ? (key ?? '').split(':') : ['0', key];
  const [id, secret] = [fromHex(session ?? ''), fromHex(hex ?? '')];
  const sized = secret?.length === 16 || (mechanism === 'kerberos' && secret?.length === 32);
  if (id?.length !== 16 || secret === null || !sized || !/^\d{1,3}$/.test(etype ?? '')) return null;
  return { mechanism, session: id, key: secret, etype: Number(etype) };
}

/** `smb SESSIONID KEY [SERVER-KEY CLIENT-KEY]`, or with commas and without the first word as Wireshark writes it. */
function smbKeyOf(text: string): SmbKey | null {
  const words = text.includes(',') ? ['smb', ...text.split(',')] : text.split(/\s+/);
  const [kind, session = '', key = '', server = '', client = '', ...more] = words.map((word) =>
    word.trim().replace(/^(?:"(.*)"|-)$/, '$1'),
  );
  if (kind !== 'smb' || more.length > 0 || !/^[0-9a-f]{16}$/i.test(session)) return null;
  const [secret, fromServer, fromClient] = [key, server, client].map((hex) => (hex === '' ? null : fromHex(hex)));
  if (secret === undefined || fromServer === undefined || fromClient === undefined) return null;
  // As many of them as were written are keys; both of the directions, or none.
  const lengths = [secret, fromServer, fromClient].flatMap((one) => (one === null ? [] : [one.length]));
  const written = [key, server, client].filter((hex) => hex !== '').length;
  if (lengths.length !== written || written === 0 || (fromServer === null) !== (fromClient === null)) return null;
  if (lengths.some((length) => length !== 16 && length !== 32)) return null;
  return { session: session.toLowerCase(), key: secret, fromClient, fromServer };
}

/** `user:secret`; without a colon the secret of any user. */
function split(text: string): { readonly user: string | null; readonly rest: string } {
  const colon = text.indexOf(':');
  return colon < 0 ? { user: null, rest: text } : { user: text.slice(0, colon), rest: text.slice(colon + 1) };
}

/** `@FILE`: each line of the file; `user:@FILE` or `@@…` start with a plain @. */
function expanded(text: string, option: string): readonly string[] {
  if (text.startsWith('@@')) return [text.slice(1)];
  return text.startsWith('@') ? lines(read(text.slice(1), option)) : [text];
}

function lines(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '');
}

function read(path: string, option: string): string {
  try {
    return readSmallFile(path)
      .toString('utf8')
      .replace(/^\ufeff/, '');
  } catch (error) {
    throw new UsageError(`${option}: ${path} cannot be read: ${fileReason(error)}`);
  }
}
