import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Graph, StateError } from '../../src/pipeline/state/graph.js';
import { cutAt, finished, read, stated, uncut } from '../support/cuts.js';
import { packageRoot } from '../support/shared.js';
import { framesOf } from '../support/split.js';

const session = framesOf(join(packageRoot(), 'captures/wua-session.pcapng'));

describe('the state of a pipeline', () => {
  it('goes on as if nothing had been between, wherever it is taken', () => {
    const whole = uncut(session);
    expect(whole.length).toBeGreaterThan(60);
    for (let cut = 0; cut <= session.length; cut += 48) expect([cut, cutAt(session, cut)]).toEqual([cut, whole]);
  });

  it('is not changed by being written', () => {
    const one = stated();
    const lines = [...read(one, session, 0, 140)];
    const first = one.graph.write(1e9);
    expect(one.graph.write(1e9).length).toBe(first.length);
    expect([...lines, ...read(one, session, 140, session.length), ...finished(one)]).toEqual(uncut(session));
  });

  it('is bounded', () => {
    const one = stated();
    read(one, session, 0, 140);
    expect(() => one.graph.write(1000)).toThrow(StateError);
  });

  it('of other bytes is refused, or read without harm', () => {
    const one = stated();
    read(one, session, 0, 140);
    const [piece = new Uint8Array(0)] = one.graph.write(1e9);
    let refused = 0;
    for (let at = 0; at < 24; at++) {
      const bytes = piece.slice();
      const place = Math.floor((bytes.length * at) / 24);
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (at % 8));
      try {
        stated().graph.read([bytes.subarray(0, at % 3 === 0 ? place : bytes.length)]);
      } catch (error) {
        expect(error).toBeInstanceOf(StateError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(8);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});

describe('a graph', () => {
  class Known {
    held: unknown = null;
  }
  class Unknown {
    held = 1;
  }
  const options = { classes: new Map([['Known', Known]]), fixed: [], given: [] };
  const through = (value: unknown): unknown => {
    const root: { value: unknown } = { value: null };
    const graph = new Graph(root, options);
    root.value = value;
    const other: { value: unknown } = { value: null };
    const again = new Graph(other, options);
    expect(again.layout).toBe(graph.layout);
    again.read(graph.write(1e6));
    return other.value;
  };

  it.each([
    ['numbers', [0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]],
    ['texts', ['', 'ü', '\ud800', '__proto__']],
    ['nothing', [null, undefined]],
    ['large numbers', [0n, -1n, 2n ** 70n]],
    ['maps and sets', new Map<unknown, unknown>([[{ a: 1 }, new Set([1, 'x'])]])],
    ['bytes', { u8: Uint8Array.of(1, 2, 3), numbers: Int32Array.of(-1, 5), view: new DataView(new ArrayBuffer(2)) }],
    ['objects without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
  ])('keeps %s', (_name, value) => {
    expect(through(value)).toStrictEqual(value);
  });

  it('keeps who is the same, circles, classes, and memory that two share', () => {
    const known = new Known();
    const u8 = new Uint8Array(10).subarray(2, 8);
    known.held = { known, u8, view: new DataView(u8.buffer, 4, 3) };
    const made = through(known) as { held: { known: unknown; u8: Uint8Array; view: DataView } };
    expect(made).toBeInstanceOf(Known);
    expect(made.held.known).toBe(made);
    made.held.u8[2] = 7;
    expect(made.held.view.getUint8(0)).toBe(7);
  });

  it.each([
    ['functions', () => 1],
    ['classes it does not know', new Unknown()],
    ['what only a map knows that keeps nothing alive', new WeakMap()],
  ])('refuses %s', (_name, value) => {
    expect(() => through(value)).toThrow(StateError);
  });
});

describe('the rooms whose state is kept', () => {
  it('have no fields that a walk does not see', () => {
    const rooms = ['net', 'smb', 'rpc', 'security', 'dcom', 'analysis', 'pipeline'];
    const sources = rooms.flatMap((room) =>
      readdirSync(join(packageRoot(), 'src', room), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => [`${room}/${name}`, readFileSync(join(packageRoot(), 'src', room, name), 'utf8')] as const),
    );
    expect(sources.length).toBeGreaterThan(100);
    expect(sources.filter(([, text]) => /\bthis\.#|^\s+#\w+/m.test(text)).map(([name]) => name)).toEqual([]);
  });
});
