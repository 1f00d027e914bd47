import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKeytab } from '../../src/security/kerberos/keytab.js';
import type { SecretList } from '../../src/security/secrets.js';
import { cutAt, uncut } from '../support/cuts.js';
import { packageRoot, sharedCaptures, sharedFolder } from '../support/shared.js';
import { framesOf } from '../support/split.js';

/** Places at which a capture is cut, at most: those of longer ones lie evenly. */
const CUTS = 12;

const shipped = ['captures', 'captures/sessions', 'test/field'].flatMap((folder) => {
  const path = join(packageRoot(), folder);
  return readdirSync(path)
    .filter((name) => /\.pcap(ng)?$/.test(name))
    .map((name) => join(path, name));
});

const folder = sharedFolder();
/** Every password that opens one of them. */
const secrets: SecretList = {
  passwords: ['secret', 'Password', 'password', 'alice'].map((password) => ({ user: null, password })),
  keytab:
    folder === null ? [] : readKeytab(new Uint8Array(readFileSync(join(folder, 'captures/kerberos-privacy.keytab')))),
};

describe('the state of a capture that is cut', () => {
  const all = [...shipped, ...sharedCaptures()].map((path) => [basename(path), path] as const);
  it('is tried on', () => expect(all.length).toBeGreaterThan(20));

  it.each(all)('%s: goes on as the whole', (_name, path) => {
    const frames = framesOf(path);
    const whole = uncut(frames, secrets);
    const step = Math.max(1, Math.ceil(frames.length / CUTS));
    for (let cut = 0; cut <= frames.length; cut += step)
      expect([cut, cutAt(frames, cut, secrets)]).toEqual([cut, whole]);
  });
});
