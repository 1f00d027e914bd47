import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spanOf } from '../../src/bytes/block.js';
import type { Codec, Encoding, TraceNode } from '../../src/ndr/codec.js';
import { compiler, ENCODINGS, method } from './arbitrary.js';

const RUNS = Number(process.env['FC_RUNS'] ?? 150);

interface Case {
  readonly encoding: Encoding;
  readonly codec: Codec;
  readonly stub: Uint8Array;
  readonly value: { readonly [name: string]: import('../../src/types.js').Value };
  readonly other: { readonly [name: string]: import('../../src/types.js').Value };
}

/** A random method in a random encoding with two sets of arguments, the first one encoded. */
const cases: fc.Arbitrary<Case> = fc.constantFrom(...ENCODINGS).chain((encoding) =>
  method(encoding.syntax).chain((made) =>
    fc.tuple(made.values, made.values).map(([value, other]) => {
      const codec = compiler(encoding).method(made.method, null).request;
      return {
        encoding,
        codec,
        stub: codec.encode(value),
        value,
        other,
        toString: () => JSON.stringify({ encoding, params: made.method.params }, plainly),
      };
    }),
  ),
);

function plainly(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

function leaves(node: TraceNode): readonly TraceNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leaves);
}

/** The leaves that hold bytes, in order; fails when two share a byte or one is missing. */
function partition(root: TraceNode, size: number): readonly TraceNode[] {
  const all = (root.children.length === 0 ? [] : leaves(root))
    .filter((leaf) => leaf.end > leaf.start)
    .toSorted((a, b) => a.start - b.start);
  let at = 0;
  for (const leaf of all) {
    expect(leaf.start, `leaf ${leaf.name} of ${leaf.type}`).toBe(at);
    at = leaf.end;
  }
  expect(at).toBe(size);
  return all;
}

describe('every descriptor, in every encoding', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(cases, ({ codec, stub, value }) => {
        const decoded = codec.decode(spanOf(stub));
        expect(decoded.problems).toEqual([]);
        expect(decoded.end).toBe(stub.length);
        expect(decoded.value).toEqual(value);
      }),
      { numRuns: RUNS },
    );
  });

  it('gives each byte to one leaf of the trace', () => {
    fc.assert(
      fc.property(cases, ({ codec, stub, value }) => {
        const { root, problems } = codec.trace(spanOf(stub));
        expect(problems).toEqual([]);
        const all = partition(root, stub.length);
        expect(all.filter((leaf) => leaf.name === 'trailing' || leaf.name === 'unread')).toEqual([]);
        expect(Object.keys(value).length).toBeGreaterThan(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('encodes with the tape what it recorded, whatever the hidden bytes were', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 });
    fc.assert(
      fc.property(cases, changes, ({ codec, stub }, all) => {
        const changed = stub.slice();
        if (changed.length > 0) for (const [at, byte] of all) changed[at % changed.length] = byte;
        const { value, tape, problems } = codec.record(spanOf(changed));
        if (problems.length > 0) return;
        expect(codec.encode(value, { tape })).toEqual(changed);
      }),
      { numRuns: RUNS * 2 },
    );
  });

  it('encodes other values with a tape that is not theirs', () => {
    fc.assert(
      fc.property(cases, ({ codec, stub, other }) => {
        const { tape } = codec.record(spanOf(stub));
        const decoded = codec.decode(spanOf(codec.encode(other, { tape })));
        expect(decoded.problems).toEqual([]);
        expect(decoded.value).toEqual(other);
      }),
      { numRuns: RUNS },
    );
  });

  it('keeps what stands before a cut, and says where it is', () => {
    fc.assert(
      fc.property(cases, fc.nat(), ({ codec, stub, value }, at) => {
        if (stub.length === 0) return;
        const size = at % stub.length;
        const decoded = codec.decode(spanOf(stub.slice(0, size)));
        const names = Object.keys(decoded.value);
        expect(names).toEqual(Object.keys(value).slice(0, names.length));
        for (const name of names.slice(0, -1)) expect(decoded.value[name]).toEqual(value[name]);
        // A parameter of no bytes may be all that is missing.
        if (names.length < Object.keys(value).length) expect(decoded.problems.length).toBeGreaterThan(0);
        for (const problem of decoded.problems) {
          expect(problem.at.stub).toBeLessThanOrEqual(size);
          expect(problem.at.path).toMatch(/^p\d/);
        }
        partition(codec.trace(spanOf(stub.slice(0, size))).root, size);
      }),
      { numRuns: RUNS },
    );
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(
        cases,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        ({ codec, stub }, all) => {
          const changed = stub.slice();
          if (changed.length > 0) for (const [at, byte] of all) changed[at % changed.length] = byte;
          const decoded = codec.decode(spanOf(changed));
          const traced = codec.trace(spanOf(changed));
          partition(traced.root, changed.length);
          expect(traced.problems.map((problem) => problem.code)).toEqual(
            decoded.problems.map((problem) => problem.code),
          );
          codec.record(spanOf(changed));
        },
      ),
      { numRuns: RUNS * 2 },
    );
  });
});
