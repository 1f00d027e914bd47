import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { knowledge } from '../../src/io/knowledge.js';
import { Pipeline, type CaptureRecord } from '../../src/pipeline/pipeline.js';
import { readCapture } from '../../src/pipeline/read-capture.js';
import { SecurityObserver } from '../../src/security/observer.js';
import type { Problem } from '../../src/types.js';
import { packageRoot } from '../support/shared.js';
import { sessionOf } from '../tui/support.js';

const known = knowledge();
const captures = join(packageRoot(), 'captures');

function pipeline(): Pipeline {
  return new Pipeline({
    registry: known.registry,
    nameOf: (value) => known.names.hresult(value),
    security: new SecurityObserver(),
  });
}

async function recordsOf(...names: readonly string[]): Promise<readonly CaptureRecord[]> {
  const records: CaptureRecord[] = [];
  await readCapture(
    names.map((name) => join(captures, name)),
    {
      open: (path, framesBefore) => known.open(path, framesBefore, Readable.from([])),
      pipeline: pipeline(),
      take: (record) => records.push(record),
    },
  );
  return records;
}

describe('a capture', () => {
  it('comes out as one list in order: each call with what it breaks right behind it', async () => {
    const records = await recordsOf('wua-late-bound.pcapng');
    expect(new Set(records.map((record) => record.kind))).toEqual(new Set(['call', 'finding']));
    let last = 0;
    for (const record of records) {
      if (record.kind === 'call') expect(record.id).toBe(++last);
      else if (record.kind === 'finding' && record.call !== null) expect(record.call).toBeLessThanOrEqual(last);
    }
    expect(last).toBe(46);
  });

  it('tells who logs on, to every reader alike', async () => {
    const records = await recordsOf('wua-sealed.pcapng');
    const logons = records.filter((record) => record.kind === 'security');
    expect(logons.map(({ user }) => user)).toContain('alice');
    // The terminal analyzer has them among its notices.
    const { notices } = sessionOf('wua-sealed.pcapng');
    expect(notices.filter((notice) => notice.kind === 'security')).toEqual(logons);
  });

  it('counts and passes on what its reader found wrong', () => {
    const cut: Problem = {
      kind: 'problem',
      layer: 'capture',
      code: 'capture-truncated',
      message: 'cut',
      spec: null,
      at: {},
    };
    const reader = pipeline();
    const out: CaptureRecord[] = [];
    reader.push(cut, out);
    expect(out).toEqual([cut]);
    expect(reader.summary).toMatchObject({ frames: 0, problems: 1 });
  });

  it('ends where its reader wants no more', async () => {
    let blocks = 0;
    const { stopped } = await readCapture(['-', '-'], {
      inOrder: true,
      open: async function* () {
        yield { items: [], read: 0, size: null };
        yield { items: [], read: 0, size: null };
      },
      pipeline: pipeline(),
      take: () => undefined,
      between: () => ++blocks < 3,
    });
    expect({ stopped, blocks }).toEqual({ stopped: true, blocks: 3 });
  });
});
