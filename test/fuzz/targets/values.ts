import { spanOf } from '../../../src/bytes/block.js';
import { toHex } from '../../../src/bytes/hex.js';
import type { Codec, Encoding, Fields, TraceNode } from '../../../src/ndr/codec.js';
import type { Value } from '../../../src/types.js';
import { behind, harvest, registry } from '../seeds.js';
import { Choices, law, textBytes, type Target } from '../target.js';

const MOST = 8 * 1024;

const ENCODINGS: readonly [Encoding, ...Encoding[]] = [
  { littleEndian: true, syntax: 'ndr20' },
  { littleEndian: false, syntax: 'ndr20' },
  { littleEndian: true, syntax: 'ndr64' },
  { littleEndian: false, syntax: 'ndr64' },
];
const LITTLE = ENCODINGS[0];

/** Every method whose parameters are known, by its own interface. */
const METHODS: readonly { readonly uuid: string; readonly opnum: number; readonly title: string }[] =
  registry.interfaces.flatMap(({ interface: own, slots }) =>
    slots.flatMap((slot) =>
      slot === null || slot.method.params === null || slot.owner.uuid !== own.uuid
        ? []
        : [{ uuid: own.uuid, opnum: slot.method.opnum, title: `${own.name}::${slot.method.name}` }],
    ),
  );

/** Leaves own every byte of the stub once, padding included; damage ends what is owned. */
function owned(root: TraceNode, length: number, whole: boolean): void {
  const leaves: TraceNode[] = [];
  const gather = (node: TraceNode): void => {
    if (node.children.length === 0) leaves.push(node);
    else for (const child of node.children) gather(child);
  };
  gather(root);
  let at = 0;
  for (const leaf of leaves.filter((one) => one.end > one.start).toSorted((a, b) => a.start - b.start)) {
    law(leaf.start === at, () => `${leaf.name} begins at ${leaf.start}, and the bytes before it end at ${at}`);
    at = leaf.end;
  }
  law(at <= length && (!whole || at === length), () => `${at} of ${length} bytes have an owner`);
}

/** A stub decoded, traced, recorded and encoded again. */
function held(codec: Codec, stub: Uint8Array, title: string, alone = true): void {
  const { problems, value } = codec.decode(spanOf(stub));
  const trace = codec.trace(spanOf(stub));
  law(problems.length === trace.problems.length, () => `${title}: decode and trace find other problems`);
  owned(trace.root, stub.length, problems.length === 0);
  if (problems.length > 0) return;
  const { value: recorded, header, result, tape } = codec.record(spanOf(stub));
  law(
    Object.keys(recorded).length === Object.keys(value).length,
    () => `${title}: decode and record read other values`,
  );
  const all: { [name: string]: Value } = { ...(recorded as Fields) };
  if (header !== null) Object.assign(all, { orpcthis: header, orpcthat: header });
  if (result !== null) all['return'] = result;
  const made = toHex(codec.encode(all, { tape }));
  // Sizes that a response takes from its request are not at hand without it.
  if (alone) law(made === toHex(stub), () => `${title}: was ${toHex(stub)}, made ${made}`);
}

const ndr: Target = {
  name: 'ndr',
  law: 'a stub of any method, either byte order, NDR20 or NDR64: decode, trace and record agree, every byte has one owner, what is clean encodes, a request to the same bytes',
  most: MOST,
  covers: ['src/ndr/', 'src/dcom/', 'src/bytes/'],
  seeds: () =>
    harvest().stubs.map(({ uuid, opnum, encoding, side, bytes }) => {
      const slot = registry.interfaceByUuid(uuid)?.slots[opnum] ?? null;
      const which = METHODS.findIndex((one) => one.uuid === slot?.owner.uuid && one.opnum === slot.method.opnum);
      const how = (encoding.littleEndian ? 0 : 1) | (encoding.syntax === 'ndr64' ? 2 : 0);
      return Uint8Array.of(which & 255, which >> 8, how | (side === 'response' ? 4 : 0), ...bytes);
    }),
  run(bytes) {
    const choices = new Choices(bytes);
    const method = METHODS[choices.word() % METHODS.length];
    const how = choices.byte();
    if (method === undefined) return;
    const encoding = ENCODINGS[how & 3] ?? LITTLE;
    const codec = registry.method(method.uuid, method.opnum, encoding);
    if (codec === null) return;
    // What a response takes from its request is not at hand here: it is then read as far as it says itself.
    const request = (how & 4) === 0;
    const side = request ? codec.request : codec.response;
    held(side, choices.rest(), `${method.title} ${JSON.stringify(encoding)}`, request);
  },
};

const ARRAYS: readonly (readonly [string, Value])[] = [
  ['VT_BSTR', ['a', null, '']],
  ['VT_UI1', Uint8Array.of(1, 255)],
  ['VT_DATE', ['2026-11-20T12:00:00']],
  ['VT_CY', ['1.0000']],
  ['VT_I8', [-1n]],
  ['VT_VARIANT', [{ vt: 'VT_I4', value: 7 }]],
];
const SCALARS: readonly Value[] = [
  { vt: 'VT_EMPTY', value: null },
  { vt: 'VT_I4', value: 7 },
  { vt: 'VT_BSTR', value: 'IsInstalled=0' },
  { vt: 'VT_BOOL', value: true },
  { vt: 'VT_DECIMAL', value: '1.5' },
];

const variant: Target = {
  name: 'variant',
  law: 'a VARIANT or SAFEARRAY from any bytes: decode, trace and record agree, every byte has one owner, what is clean encodes to the same bytes',
  most: 4096,
  covers: ['src/ndr/', 'src/bytes/'],
  seeds: () =>
    ENCODINGS.flatMap((encoding, how) => {
      const codec = registry.type('VARIANT', encoding);
      const arrays = ARRAYS.map(([vt, value]) => {
        const count = (value as { readonly length: number }).length;
        return { vt, dims: [{ count, lower: 0 }], value };
      });
      return [...SCALARS, ...arrays].map((value) => Uint8Array.of(how, ...codec.encode({ value })));
    }),
  run(bytes) {
    const choices = new Choices(bytes);
    const how = choices.byte();
    const type = (how & 4) === 0 ? 'VARIANT' : 'SAFEARRAY';
    held(registry.type(type, ENCODINGS[how & 3] ?? LITTLE), choices.rest(), type);
  },
};

const pointer = registry.type({ kind: 'interface', interface: null, iidIs: null }, LITTLE);

/** A unique pointer to an MInterfacePointer ([MS-DCOM] 2.2.14) around bytes. */
function wrapped(objref: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + objref.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0002_0000, true);
  view.setUint32(4, objref.length, true);
  view.setUint32(8, objref.length, true);
  bytes.set(objref, 12);
  return bytes;
}

/** CLSIDs of ActivationPropertiesIn and ActivationPropertiesOut ([MS-DCOM] 2.2.22) as they stand in an OBJREF_CUSTOM. */
const ACTIVATIONS = ['38030000', '39030000'].map((first) => Buffer.from(`${first}00000000c000000000000046`, 'hex'));

const objrefs = (): readonly Uint8Array[] =>
  behind(
    textBytes('MEOW'),
    harvest().stubs.map((stub) => stub.bytes),
  );

function isActivation(objref: Uint8Array): boolean {
  return ACTIVATIONS.some((clsid) => Buffer.from(objref.subarray(24, 40)).equals(clsid));
}

const objref: Target = {
  name: 'objref',
  law: 'an OBJREF of any kind: decode, trace and record agree, every byte has one owner, what is clean encodes to the same bytes',
  most: 2048,
  covers: ['src/ndr/', 'src/dcom/', 'src/bytes/'],
  seeds: () =>
    objrefs()
      .filter((one) => !isActivation(one))
      .map((one) => one.slice(0, 1024)),
  run: (bytes) => held(pointer, wrapped(bytes), 'OBJREF'),
};

const activation: Target = {
  name: 'activation',
  law: 'an activation blob (OBJREF_CUSTOM with its properties): as for OBJREFs, however deep it nests',
  most: 4096,
  covers: ['src/ndr/', 'src/dcom/', 'src/bytes/'],
  seeds: () =>
    objrefs()
      .filter(isActivation)
      .map((one) => Uint8Array.of(one[24] === 0x38 ? 0 : 1, ...one.subarray(48))),
  run(bytes) {
    const choices = new Choices(bytes);
    const clsid = ACTIVATIONS[choices.byte() & 1] ?? new Uint8Array(16);
    const blob = choices.rest();
    const head = new Uint8Array(48);
    head.set(textBytes('MEOW'));
    head[4] = 4;
    head.set(clsid, 24);
    // IID_IActivationPropertiesIn and -Out begin as the CLSIDs do.
    head.set(Buffer.from('a2010000000000 00c000000000000046'.replace(' ', ''), 'hex'), 8);
    new DataView(head.buffer).setUint32(44, blob.length + 8, true);
    held(pointer, wrapped(Buffer.concat([head, blob])), 'activation');
  },
};

export const valueTargets: readonly Target[] = [ndr, variant, objref, activation];
