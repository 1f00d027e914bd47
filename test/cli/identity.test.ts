import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { identityFor, identityOf, targetOf } from '../../src/cli/identity.js';
import { rotationOf, rotationOptions } from '../../src/cli/rotation.js';
import { authOf, filetimeNow } from '../../src/io/signing.js';
import { AUTH_TYPE } from '../../src/rpc/auth.js';
import { ticketOf } from '../security/tickets.js';
import { testStreams } from '../support/streams.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-identity-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HASH = '0123456789abcdef0123456789abcdef';

describe('who signs in', () => {
  it('is the user that is named, by option, by environment, or with a secret', () => {
    expect(identityOf({ user: 'bob', password: ['secret'] }, {})).toMatchObject({ user: 'bob', password: 'secret' });
    const env = { UAMGSCOPE_USER: 'carol', UAMGSCOPE_PASSWORD: 'secret' };
    expect(identityOf({}, env)).toMatchObject({ user: 'carol', domain: '', policy: 'strict' });
    expect(identityOf({ password: ['dave:secret'] }, {})).toMatchObject({ user: 'dave' });
    expect(identityOf({ ntHash: [`erin:${HASH}`] }, {})).toMatchObject({ user: 'erin', password: null });
    expect(identityOf({ user: 'BOB', password: ['bob:his', 'eve:hers'], domain: 'D' }, {})).toMatchObject({
      password: 'his',
      domain: 'D',
    });
    expect(identityOf({}, {})).toBeNull();
  });

  it('is nobody without a password, and no password is taken without a user', () => {
    expect(() => identityOf({ user: 'bob' }, {})).toThrow('no password for bob');
    expect(() => identityOf({ password: ['secret'] }, {})).toThrow('give --user');
  });

  it('with --kerberos needs a realm, a ticket or a KDC', async () => {
    const config = join(folder, 'krb5.conf');
    writeFileSync(
      config,
      `# nothing\n[libdefaults]\n default_realm = ALL.TEST\n[realms]\n NO.TEST = {\n  kdc = 127.0.0.1:1\n }\n[domain_realm]\n .no.test = NO.TEST\n`,
    );
    const env = { KRB5_CONFIG: config };
    const signs = (flags: object, more: Readonly<Record<string, string>> = {}): Promise<unknown> =>
      identityFor({ kerberos: true, ...flags }, testStreams({ env: { ...env, ...more } }), 'server.test');
    await expect(signs({})).rejects.toThrow('holds no ticket that is still good');
    await expect(signs({}, { KRB5CCNAME: 'KEYRING:x' })).rejects.toThrow('KEYRING are not read');
    await expect(signs({}, { KRB5CCNAME: `FILE:${config}` })).rejects.toThrow('not a credential cache');
    await expect(signs({ user: 'bob@NO.TEST', password: ['secret'] })).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be reached.*: nothing listens there$/m,
    );
    await expect(signs({ user: 'bob', password: ['secret'], kdc: '127.0.0.1:1' })).rejects.toThrow('realm ALL.TEST');
    const nowhere = { kerberos: true as const, user: 'bob', password: ['secret'] };
    await expect(
      identityFor(nowhere, testStreams({ env: { KRB5_CONFIG: join(folder, 'none') } }), 'server.test'),
    ).rejects.toThrow('the realm of bob is not known');
    expect(await identityFor({ user: 'bob', password: ['secret'] }, testStreams(), 'server.test')).toMatchObject({
      user: 'bob',
    });
  });

  it('signs with NTLM or with a ticket, raw or in SPNEGO, never without protection', () => {
    const identity = { user: 'bob', domain: '', password: 'secret', hash: null };
    expect(authOf(identity, 'none')).toMatchObject({ type: AUTH_TYPE.ntlm, level: 'integrity', unsignedFaults: false });
    expect(authOf({ ...identity, spnego: true, policy: 'legacy' }, 'privacy')).toMatchObject({
      type: AUTH_TYPE.spnego,
      level: 'privacy',
      unsignedFaults: true,
    });
    const ticket = ticketOf();
    expect(authOf({ ...identity, ticket }, 'connect')).toMatchObject({ type: AUTH_TYPE.kerberos, level: 'connect' });
    expect(authOf({ ...identity, ticket, spnego: true }, 'privacy').type).toBe(AUTH_TYPE.spnego);
    // 100 ns since 1601: past the year 2020, and before the year 2100.
    expect(filetimeNow() > 132_000_000_000_000_000n && filetimeNow() < 158_000_000_000_000_000n).toBe(true);
  });
});

describe('targets', () => {
  it.each([
    ['build-42', 'build-42', 135],
    ['10.0.0.9:4135', '10.0.0.9', 4135],
    ['[::1]:4135', '::1', 4135],
    ['ncacn_ip_tcp:build-42[4135]', 'build-42', 4135],
    ['ncacn_ip_tcp:build-42', 'build-42', 135],
  ])('%s', (text, host, port) => {
    expect(targetOf(text)).toEqual({ host, port });
  });

  it.each(['', 'host:0', 'host:99999', 'two words'])('%j is none', (text) => {
    expect(() => targetOf(text)).toThrow(InvalidArgumentError);
  });
});

describe('rotation', () => {
  const parsed = (flag: string, text: string): unknown =>
    rotationOptions()
      .find((one) => one.long === flag)
      ?.parseArg?.(text, undefined as never);

  it.each([
    ['--rotate-size', '500k', 500_000],
    ['--rotate-size', '2GB', 2_000_000_000],
    ['--rotate-size', '1500', 1500],
    ['--rotate-time', '90s', 90],
    ['--rotate-time', '15', 15],
    ['--rotate-time', '1d', 86_400],
    ['--rotate-count', '3', 3],
  ])('%s %s', (flag, text, value) => {
    expect(parsed(flag, text)).toBe(value);
  });

  it.each([
    ['--rotate-size', '999'],
    ['--rotate-size', 'much'],
    ['--rotate-size', '99999999999999999g'],
    ['--rotate-time', '0'],
    ['--rotate-time', '5 minutes'],
  ])('%s %s is refused', (flag, text) => {
    expect(() => parsed(flag, text)).toThrow(InvalidArgumentError);
  });

  it('needs a file, and something that begins the next one', () => {
    expect(rotationOf({})).toEqual({ size: null, timeS: null, count: null });
    expect(rotationOf({ write: 'a', rotateSize: 1000, rotateCount: 3 })).toEqual({ size: 1000, timeS: null, count: 3 });
    expect(() => rotationOf({ rotateSize: 1000 })).toThrow('give --write FILE');
    expect(() => rotationOf({ write: 'a', rotateCount: 3 })).toThrow('needs --rotate-size or --rotate-time');
  });
});
