import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Codec, Encoding } from '../../src/ndr/codec.js';

const { registry } = knowledge();
const ENCODINGS: readonly Encoding[] = [true, false].flatMap((littleEndian) => [
  { littleEndian, syntax: 'ndr20' as const },
  { littleEndian, syntax: 'ndr64' as const },
]);
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = fc.uint8Array({ minLength: 0, maxLength: 24 });
const extensions = fc.oneof(
  fc.constant(null),
  bytes.map((data) => ({
    size: 1,
    reserved: 0,
    extent: [{ id: '0000031b-0000-0000-c000-000000000046', size: data.length, data }, null],
  })),
);
const headers = {
  request: [
    'ORPCTHIS',
    fc.record({
      version: fc.record({ MajorVersion: u16, MinorVersion: u16 }),
      flags: u32,
      reserved1: u32,
      cid: fc.uuid(),
      extensions,
    }),
  ],
  response: ['ORPCTHAT', fc.record({ flags: u32, extensions })],
} as const;

/** The getter IUpdate::IsMandatory, and the codec of one of its stubs. */
function stubCodec(side: 'request' | 'response', encoding: Encoding): Codec {
  const iface = registry.interfaceByName('IUpdate');
  const opnum = iface?.slots.findIndex((slot) => slot?.method.name === 'IsMandatory') ?? -1;
  const codec = registry.method(iface?.interface.uuid ?? '', opnum, encoding);
  if (codec === null) throw new Error('IUpdate::IsMandatory is in no table');
  return codec[side];
}

describe('headers of DCOM calls', () => {
  for (const side of ['request', 'response'] as const) {
    const [type, values] = headers[side];
    const name = type.toLowerCase();

    it(`${type}: what is read by hand is what its description says, whole and cut anywhere`, () => {
      fc.assert(
        fc.property(values, fc.constantFrom(...ENCODINGS), fc.nat({ max: 120 }), (header, encoding, cut) => {
          const codec = stubCodec(side, encoding);
          const whole = codec.encode({ [name]: header, retval: true, return: 0 });
          const described = registry
            .type(type, encoding)
            .decode(spanOf(registry.type(type, encoding).encode({ value: header })));
          const decoded = codec.decode(spanOf(whole));
          expect(decoded.problems).toEqual([]);
          expect(decoded.header).toEqual(described.value['value']);
          // A trace goes field by field.
          const part = spanOf(whole.slice(0, cut));
          expect(codec.decode(part).problems).toEqual(codec.trace(part).problems);
          expect(codec.decode(part).header).toEqual(codec.record(part).header);
        }),
        { numRuns: 400 },
      );
    });
  }
});
