import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readKeytab, type KeytabEntry } from '../../src/security/kerberos/keytab.js';
import { without } from '../support/shared.js';

export const REALM = 'CONTOSO.TEST';
export const OTHER_REALM = 'FABRIKAM.TEST';
export const OTHER_SERVICE = 'host/server.fabrikam.test';
/** Services with one key each, by encryption type: the KDC picks that type for tickets and session keys. */
export const SERVICES = {
  17: ['host/aes128', 'aes128-cts-hmac-sha1-96'],
  18: ['host/localhost', 'aes256-cts-hmac-sha1-96'],
  19: ['host/sha256', 'aes128-cts-hmac-sha256-128'],
  20: ['host/sha384', 'aes256-cts-hmac-sha384-192'],
  23: ['host/rc4', 'arcfour-hmac'],
} as const;

const KDC = '/usr/sbin/krb5kdc';

export function hasKdc(what: string): boolean {
  if (existsSync(KDC)) return true;
  without(what, "Debian's krb5-kdc, krb5-admin-server and krb5-user");
  return false;
}

/** Whether the KDC can take certificates. */
export function hasPkinit(what: string): boolean {
  if (!hasKdc(what)) return false;
  const folders = existsSync('/usr/lib') ? readdirSync('/usr/lib') : [];
  if (folders.some((one) => existsSync(`/usr/lib/${one}/krb5/plugins/preauth/pkinit.so`))) return true;
  without(what, "Debian's krb5-pkinit");
  return false;
}

/** An address of the loopback of its own, for each process: captures tell Kerberos by port 88. */
const KDC_OCTETS = [127, 84, (process.pid >>> 8) & 0xff, process.pid & 0xff];
export const KDC_ADDRESS = KDC_OCTETS.join('.');

/** Whether a packet goes to the KDC or comes from there. */
export function meetsKdc(packet: Uint8Array): boolean {
  return Buffer.from(packet).includes(Buffer.from(KDC_OCTETS));
}

/** How a KDC is unlike others. */
interface KdcOptions {
  /** `tcp`: clients are told to use nothing else; `udp`: it does not listen on TCP; `both`: as MIT's tools like it. */
  readonly transport?: 'tcp' | 'udp' | 'both';
  /** Longest answer that it gives over UDP. */
  readonly datagram?: number;
  /** It serves {@link OTHER_REALM} too, whose service is {@link OTHER_SERVICE}; the realms trust one another. */
  readonly realms?: 2;
  /** It takes certificates (PKINIT); alice's is `alice.pem`, with its key, in the folder. */
  readonly certificates?: true;
}

/** A KDC of MIT's in a folder of its own: at port 88 of its address for root, at any free one for others. */
export class Kdc {
  /** Made when it starts: one that never does leaves nothing. */
  readonly folder = join(tmpdir(), `uamgscope-kdc-${randomUUID()}`);
  private readonly options: KdcOptions;
  port = 0;
  private process: ChildProcess | null = null;

  constructor(options: KdcOptions = {}) {
    this.options = options;
  }

  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      KRB5_CONFIG: join(this.folder, 'krb5.conf'),
      KRB5_KDC_PROFILE: join(this.folder, 'kdc.conf'),
      KRB5CCNAME: `FILE:${join(this.folder, 'ccache')}`,
    };
  }

  get keytab(): readonly KeytabEntry[] {
    return readKeytab(new Uint8Array(readFileSync(join(this.folder, 'services.keytab'))));
  }

  /** With further commands of kadmin, in which `-k` names a keytab in the folder. */
  async start(more: readonly string[] = []): Promise<void> {
    const { folder } = this;
    mkdirSync(folder, { mode: 0o700 });
    const { transport = 'tcp', datagram, certificates } = this.options;
    const pkinit = (owner: string): string =>
      `\n  pkinit_anchors = FILE:${folder}/ca.pem\n  pkinit_identity = FILE:${folder}/${owner}.pem`;
    if (certificates === true) this.certify();
    const limits = datagram === undefined ? '' : ` kdc_max_dgram_reply_size = ${datagram}\n`;
    this.port = process.getuid?.() === 0 ? 88 : await freePort();
    const place = `${KDC_ADDRESS}:${this.port}`;
    writeFileSync(
      join(folder, 'krb5.conf'),
      `[libdefaults]\n default_realm = ${REALM}\n dns_lookup_kdc = false\n rdns = false\n dns_canonicalize_hostname = false\n ${transport === 'tcp' ? 'udp_preference_limit = 1' : ''}${certificates === true ? `\n pkinit_anchors = FILE:${folder}/ca.pem` : ''}\n[realms]\n ${REALM} = {\n  kdc = ${place}\n }\n[domain_realm]\n localhost = ${REALM}\n`,
    );
    writeFileSync(
      join(folder, 'kdc.conf'),
      `[kdcdefaults]\n kdc_listen = ${place}\n kdc_tcp_listen = ${transport === 'udp' ? '""' : place}\n${limits}[realms]\n ${REALM} = {\n  database_name = ${join(folder, 'principal')}\n  key_stash_file = ${join(folder, 'stash')}\n  acl_file = ${join(folder, 'acl')}\n  max_life = 10h\n  supported_enctypes = aes256-cts:normal aes128-cts:normal aes256-sha2:normal aes128-sha2:normal arcfour-hmac:normal${certificates === true ? pkinit('kdc') : ''}\n }\n`,
    );
    this.run('kdb5_util', ['create', '-s', '-r', REALM, '-P', 'master']);
    const commands = [
      'addprinc -pw secret +requires_preauth alice',
      'addprinc -pw Pässwörd✓1 +requires_preauth jürgen',
      'ktadd -norandkey -k alice.keytab alice',
      ...Object.values(SERVICES).flatMap(([service, etype]) => [
        `addprinc -e ${etype}:normal -randkey ${service}`,
        `ktadd -norandkey -k services.keytab ${service}`,
      ]),
      ...more,
    ];
    for (const command of commands)
      this.run('kadmin.local', ['-r', REALM, '-q', command.replace(/-k /, `-k ${folder}/`)]);
    const others = this.options.realms === 2 ? this.otherRealm() : [];
    this.process = spawn(KDC, ['-n', '-r', REALM, ...others], { env: this.env, stdio: 'ignore' });
    for (let tries = 0; !(await (transport === 'udp' ? takesDatagrams : listens)(this.port)); tries++) {
      if (tries > 100) throw new Error('krb5kdc does not listen');
      await wait(50);
    }
  }

  /** An authority, and what it certifies: the KDC and alice, with the names of RFC 4556 3.2.2 and 3.2.4. */
  private certify(): void {
    const { folder } = this;
    const named = (parts: readonly string[]): string =>
      `[names]\nrealm = EXP:0, GeneralString:${REALM}\nname = EXP:1, SEQUENCE:name\n[name]\ntype = EXP:0, INTEGER:1\nparts = EXP:1, SEQUENCE:parts\n[parts]\n${parts.map((one, i) => `part${i} = GeneralString:${one}`).join('\n')}\n`;
    const openssl = (...args: readonly string[]): string =>
      this.run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...args]);
    const at = (name: string): string => join(folder, name);
    openssl('-subj', '/CN=authority', '-keyout', at('ca.key'), '-out', at('ca.pem'));
    for (const [owner, usage, parts] of [
      ['kdc', '1.3.6.1.5.2.3.5', ['krbtgt', REALM]],
      ['alice', '1.3.6.1.5.2.3.4', ['alice']],
    ] as const) {
      writeFileSync(
        at('extensions'),
        `[req]\ndistinguished_name = subject\n[subject]\n[extensions]\nbasicConstraints = CA:FALSE\nkeyUsage = digitalSignature, keyEncipherment\nextendedKeyUsage = ${usage}\nsubjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:names\n${named(parts)}`,
      );
      const authority = ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
      const extensions = ['-config', at('extensions'), '-extensions', 'extensions'];
      const files = ['-keyout', at(`${owner}.key`), '-out', at(`${owner}.pem`)];
      openssl('-subj', `/CN=${owner}`, ...authority, ...extensions, ...files);
      appendFileSync(at(`${owner}.pem`), readFileSync(at(`${owner}.key`)));
    }
  }

  /** The other realm, in a database of its own; what krb5kdc is told of it. */
  private otherRealm(): readonly string[] {
    const { folder } = this;
    const place = `${KDC_ADDRESS}:${this.port}`;
    const database = `database_name = ${join(folder, 'other')}\n  key_stash_file = ${join(folder, 'other.stash')}`;
    appendFileSync(join(folder, 'kdc.conf'), ` ${OTHER_REALM} = {\n  ${database}\n }\n`);
    const config = readFileSync(join(folder, 'krb5.conf'), 'utf8');
    writeFileSync(
      join(folder, 'krb5.conf'),
      `${config.replace('[domain_realm]', ` ${OTHER_REALM} = {\n  kdc = ${place}\n }\n[domain_realm]`)} server.fabrikam.test = ${OTHER_REALM}\n`,
    );
    this.run('kdb5_util', ['create', '-s', '-r', OTHER_REALM, '-P', 'master']);
    const trust = `addprinc -pw trusted krbtgt/${OTHER_REALM}@${REALM}`;
    this.run('kadmin.local', ['-r', REALM, '-q', trust]);
    for (const command of [
      trust,
      `addprinc -randkey ${OTHER_SERVICE}`,
      `ktadd -norandkey -k ${folder}/other.keytab ${OTHER_SERVICE}`,
    ])
      this.run('kadmin.local', ['-r', OTHER_REALM, '-q', command]);
    return ['-r', OTHER_REALM];
  }

  /** Runs a tool of MIT's against it. */
  run(command: string, args: readonly string[], input = ''): string {
    const child = spawnSync(command, args, { env: this.env, encoding: 'utf8', input, timeout: 30_000 });
    if (child.status !== 0)
      throw new Error(`${command} ${args.join(' ')}: ${child.stderr}${child.error?.message ?? ''}`);
    return child.stdout;
  }

  async stop(): Promise<void> {
    const { process: child } = this;
    if (child !== null && child.exitCode === null) {
      const ended = new Promise((resolve) => void child.once('exit', resolve));
      child.kill();
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Packets of the loopback that a filter of tcpdump lets through, until it is stopped. */
export async function capturing(path: string, filter: string): Promise<() => Promise<void>> {
  const child = spawn(
    'tcpdump',
    // In immediate mode every packet takes a slot of 256 KiB: of the usual buffer there are eight.
    ['-i', 'lo', '-Z', 'root', '-B', '131072', '--immediate-mode', '-U', '-w', path, ...filter.split(' ')],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  await new Promise((resolve) => void child.stderr.once('data', resolve));
  return async () => {
    // What the kernel holds still comes.
    await wait(1000);
    const ended = new Promise((resolve) => void child.once('close', resolve));
    child.kill('SIGINT');
    await ended;
    const dropped = /(\d+) packets? dropped by kernel/.exec(said)?.[1];
    if (dropped !== '0') throw new Error(`the capture is not whole: ${said}`);
  };
}

/** Opening captures of a KDC takes root: for port 88, by which they tell Kerberos, and for tcpdump. */
export function mayCapture(): boolean {
  if (process.getuid?.() === 0) return true;
  without('opening Kerberos captures', 'root, for port 88 and tcpdump');
  return false;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: KDC_ADDRESS, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Nobody says that nobody listens. */
function takesDatagrams(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => done(true), 200);
    const done = (listens: boolean): void => {
      clearTimeout(timer);
      socket.close();
      resolve(listens);
    };
    socket.once('error', () => done(false));
    socket.connect(port, KDC_ADDRESS, () => socket.send('?'));
  });
}
