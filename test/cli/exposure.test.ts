import { expect, it } from 'vitest';
import { exposureOf } from '../../src/cli/exposure.js';

it.each([
  ['127.0.0.1', true, 'none', null],
  ['127.8.9.1', true, null, null],
  ['::1', true, 'none', null],
  ['localhost', true, 'none', null],
  ['::ffff:127.0.0.1', true, 'none', null],
  ['0.0.0.0', true, 'none', /every address of this machine.*nobody has to sign in/],
  ['::', true, null, /every address/],
  ['192.0.2.1', true, 'integrity', /at 192\.0\.2\.1/],
  ['127.example.org', true, null, /at 127\.example\.org/],
  ['0.0.0.0', false, 'none', /may be changed/],
  ['192.0.2.1', false, 'connect', /--min-level integrity/],
  ['0.0.0.0', false, 'integrity', null],
  ['0.0.0.0', false, 'privacy', null],
])('a server at %s, open %s, level %s', (host, open, minLevel, said) => {
  const text = exposureOf({ host, open, minLevel });
  if (said === null) expect(text).toBeNull();
  else expect(text).toMatch(said);
});
