import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeptSessions } from '../../src/cli/tui/reopen.js';
import { CaptureIndex } from '../../src/io/index/capture-index.js';
import { ARCHIVE_BLOCK } from '../../src/tui/session/archive.js';
import { Session } from '../../src/tui/session/session.js';
import type { Call } from '../../src/types.js';
import { bytesOf } from '../../src/bytes/block.js';
import { sampleCall } from '../support/calls.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { Player, sessionOf, tables } from './support.js';
import { leftAlone } from '../support/left-alone.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-reopened-'));
afterAll(() => rmSync(folder, { recursive: true }));
const stand = join(folder, 'capture');
const open: KeptSessions[] = [];
afterAll(async () => {
  for (const one of open) await one.close();
});
beforeAll(() => {
  leftAlone();
  mkdirSync(join(folder, 'cache'));
  writeFileSync(stand, 'stands for a capture');
});

const indexOf = (name: string): CaptureIndex =>
  CaptureIndex.of({
    kind: 'tui',
    files: [stand],
    way: [name],
    place: 'cache',
    env: { XDG_CACHE_HOME: join(folder, 'cache') },
  }) as CaptureIndex;

/** A session as another run finds it again. */
async function again(session: Session, name: string): Promise<Session> {
  const keeping = (): KeptSessions =>
    new KeptSessions(() => indexOf(name), { title: session.title, known: tables(), now: () => 0 });
  const first = keeping();
  expect(await first.open()).toEqual({ session: null, note: null });
  expect(await first.keep(session)).toBeNull();
  const next = keeping();
  const found = await next.open();
  open.push(next);
  if (found.session === null) throw new Error(`nothing was kept: ${found.note}`);
  expect(found.session.reading).toEqual(session.reading);
  return found.session;
}

const KEYS: readonly (readonly string[])[] = [
  [],
  ['enter'],
  ['G', 'enter'],
  ['tab'],
  ['2'],
  ['3'],
  ['4'],
  ['5'],
  ['6'],
  ['7'],
  ['s'],
  ['s', 's'],
  ['u'],
  ['/', 'type:Title', 'enter', 'n'],
  ['f', 'type:failed', 'enter'],
  ['f', 'type:in.criteria contains "IsInstalled"', 'enter'],
  ['?'],
];

function screens(session: Session): readonly string[] {
  return KEYS.flatMap((keys) =>
    [80, 160].map((width) => {
      session.filter(null);
      session.sort('none');
      session.view.foldUpkeep(false);
      return new Player(session, width, 40).press(...keys).screen();
    }),
  );
}

const NAMES = Object.keys(sampleCall()).filter((name) => name !== 'exchange') as (keyof Call)[];

/** All that a call says, and the bytes of its stubs: where these lie does not matter. */
function plain(call: Call | null): unknown {
  if (call === null) return null;
  const { request, response, ...exchange } = call.exchange;
  const stubs = [request, response].map((stub) => {
    if (stub === null) return null;
    const { drep, frames, pieces, fragments, complete, sealed, verification } = stub;
    return { bytes: Buffer.from(bytesOf(stub)), drep, frames, pieces, fragments, complete, sealed, verification };
  });
  const { kind, flow, direction, opnum, object, context, transfer, requestAuth, responseAuth, problems } = exchange;
  return [
    NAMES.map((name) => call[name]),
    { kind, flow, direction, opnum, object, context, transfer, requestAuth, responseAuth, problems },
    stubs,
  ];
}

function all(session: Session): readonly unknown[] {
  return Array.from({ length: session.count }, (_, at) => plain(session.call(at)));
}

const paths = [...shippedCaptures(), ...sessionCaptures().slice(0, 3)];

describe('a session that is opened again', () => {
  it.each(paths.map((path) => [basename(path), path]))('shows what it showed: %s', async (name, path) => {
    const bytes = new Uint8Array(readFileSync(path));
    const session = sessionOf(bytes);
    // What was looked at is kept as well as what was not.
    screens(session);
    const found = await again(session, name);
    expect(session.count).toBeGreaterThan(20);
    expect(found.frames).toBe(session.frames);
    expect(all(found)).toEqual(all(session));
    expect(screens(found)).toEqual(screens(session));
    for (let at = 0; at < session.count; at++) {
      const [call, other] = [session.call(at), found.call(at)];
      if (call === null || other === null) throw new Error('a call is missing');
      expect(found.traces(other)).toEqual(session.traces(call));
    }
  });

  it('has the same blocks, and the same calls left', async () => {
    // Many calls, of which some leave.
    const path = paths.find((one) => one.includes('go-msrpc-integrity')) ?? '';
    const bytes = new Uint8Array(readFileSync(path));
    const whole = sessionOf(bytes);
    const session = sessionOf(bytes, Math.floor(whole.archived / 2));
    expect(session.count).toBeGreaterThan(3 * ARCHIVE_BLOCK);
    expect(session.view.length).toBeLessThan(whole.view.length);
    const found = await again(session, 'left');
    expect(all(found)).toEqual(all(session));
    expect(all(found).filter((call) => call === null).length).toBeGreaterThan(ARCHIVE_BLOCK - 1);
    expect(screens(found)).toEqual(screens(session));
    expect(found.archived).toBe(session.archived);
  });

  it('may be empty; what is no capture is not kept', async () => {
    const session = sessionOf(new Uint8Array(readFileSync(paths[0] ?? '').subarray(0, 200)));
    expect(session.count).toBe(0);
    expect(screens(await again(session, 'empty'))).toEqual(screens(session));
    const refused = sessionOf(new Uint8Array(7));
    const keeping = new KeptSessions(() => indexOf('refused'), { title: '', known: tables(), now: () => 0 });
    expect(await keeping.keep(refused)).toBeNull();
    expect(await keeping.open()).toEqual({ session: null, note: null });
  });
});
