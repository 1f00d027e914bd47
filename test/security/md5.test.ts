import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HmacMd5 } from '../../src/security/md5.js';

describe('HMAC-MD5', () => {
  it('is that of OpenSSL for every key, text and split, one after another', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
        (key, parts) => {
          const mac = new HmacMd5(key);
          for (let round = 0; round < 2; round++) {
            for (const part of parts) mac.update(part, 0, part.length);
            expect(Buffer.from(mac.digest()).toString('hex')).toBe(
              createHmac('md5', key).update(Buffer.concat(parts)).digest('hex'),
            );
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes parts of an array', () => {
    const mac = new HmacMd5(Uint8Array.of(1));
    mac.update(Uint8Array.of(9, 1, 2, 3, 9), 1, 4);
    expect(Buffer.from(mac.digest()).toString('hex')).toBe(
      createHmac('md5', Uint8Array.of(1))
        .update(Uint8Array.of(1, 2, 3))
        .digest('hex'),
    );
  });
});
