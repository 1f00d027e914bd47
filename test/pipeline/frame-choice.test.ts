import { describe, expect, it } from 'vitest';
import { run } from '../../src/cli/cli.js';
import type { FrameChoice } from '../../src/pipeline/frame-choice.js';
import type { Frame, Moment } from '../../src/types.js';
import { analyzed, essences, recordsOf } from '../support/capture-calls.js';
import { framesIn } from '../support/read.js';
import { ROOT } from '../support/shared.js';
import { testStreams } from '../support/streams.js';

const SESSION = `${ROOT}/captures/wua-session.pcapng`;
const ALL: FrameChoice = { between: [], ports: [], from: null, to: null };
const frames = framesIn(SESSION);
const calls = (choice: Partial<FrameChoice>): ReturnType<typeof recordsOf> =>
  recordsOf([SESSION], { choice: { ...ALL, ...choice } });

/** Ports of a TCP segment in IPv4 without options in Ethernet, as all of the capture are. */
const portsOf = ({ block, start }: Frame): readonly number[] => [
  block.view.getUint16(start + 34),
  block.view.getUint16(start + 36),
];
const isBefore = (a: Moment, b: Moment): boolean => a.timeS < b.timeS || (a.timeS === b.timeS && a.timeNs < b.timeNs);

async function decoded(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const streams = testStreams();
  const status = await run(['decode', ...args], streams);
  return { status, out: streams.out(), err: streams.err() };
}

describe('packets that are looked at', () => {
  it('are those of a port, as if the others were not in the file', async () => {
    for (const port of [135, 49668]) {
      const found = essences(await calls({ ports: [port] }));
      expect(found).toEqual(essences(analyzed(frames.filter((frame) => portsOf(frame).includes(port)))));
      expect(found.length).toBe(port === 135 ? 2 : 58);
    }
    expect(essences(await calls({ ports: [135, 49668] }))).toEqual(essences(analyzed(frames)));
    expect(essences(await calls({ ports: [445] }))).toEqual([]);
  });

  it('are those of a span of time, its beginning in it and its end not', async () => {
    for (const at of [10, 64, 150, frames.length - 1]) {
      const cut = frames[at] as Frame;
      const before = frames.filter((frame) => isBefore(frame, cut));
      const behind = frames.filter((frame) => !isBefore(frame, cut));
      expect(before.length).toBeGreaterThan(0);
      expect(essences(await calls({ to: cut }))).toEqual(essences(analyzed(before)));
      expect(essences(await calls({ from: cut }))).toEqual(essences(analyzed(behind)));
    }
  });

  it('are those of hosts', async () => {
    const host = (...one: readonly string[]): Partial<FrameChoice> => ({ between: [{ one, other: null }] });
    expect(essences(await calls(host('192.0.2.9')))).toEqual(essences(analyzed(frames)));
    expect(essences(await calls(host('192.0.2.77')))).toEqual([]);
  });

  it('keep the numbers of their frames, in files one after another too', async () => {
    const numbers = (records: Awaited<ReturnType<typeof recordsOf>>): readonly number[] =>
      records.flatMap((record) => (record.kind === 'call' ? record.requestFrames : []));
    const before = `${ROOT}/captures/sessions/impacket-integrity.pcapng`;
    const choice = { ...ALL, between: [{ one: ['192.0.2.9'], other: null }] };
    const once = numbers(await recordsOf([SESSION], { choice }));
    expect(once).toEqual(numbers(await recordsOf([SESSION])));
    const behind = once.map((number) => number + framesIn(before).length);
    expect(numbers(await recordsOf([before, SESSION], { choice, inOrder: true }))).toEqual(behind);
  });
});

describe('the options that choose packets', () => {
  it('take times as records show them', async () => {
    const whole = await decoded(SESSION, '--format', 'ndjson');
    const lines = whole.out.trim().split('\n');
    const times = lines.flatMap((line) => {
      const { kind, time } = JSON.parse(line) as { kind: string; time?: string };
      return kind === 'call' && time !== undefined ? [time] : [];
    });
    const [, second = ''] = times;
    const from = await decoded(SESSION, '--format', 'ndjson', '--from', second);
    expect(from.out).toContain(`"time":"${second}"`);
    expect(from.out).not.toContain(`"time":"${times[0] ?? ''}"`);
    const eastern = second.replace('T12:', 'T13:').replace('Z', '+01:00');
    expect((await decoded(SESSION, '--format', 'ndjson', '--from', eastern)).out).toBe(from.out);
    const to = await decoded(SESSION, '--format', 'ndjson', '--to', second.replace('T', ' ').replace('Z', ''));
    expect(to.out).toContain(`"time":"${times[0] ?? ''}"`);
    expect(to.out).not.toContain(`"time":"${second}"`);
  });

  it('are refused where they mean nothing', async () => {
    for (const wrong of [
      ['--port', '0'],
      ['--port', '65536'],
      ['--port', 'http'],
      ['--from', 'noon'],
      ['--from', '2026-02-30'],
      ['--to', '2026-11-20T25:00'],
      ['--to', '12:00'],
    ]) {
      const { status, err } = await decoded(SESSION, ...wrong);
      expect([status, err]).toEqual([2, expect.stringContaining('It must be a')]);
    }
  });

  it('tell why nothing is left', async () => {
    expect((await decoded(SESSION, '--from', '2030-01-01')).err).toContain(
      'none of the 288 packets is of the hosts and the time asked for',
    );
    expect((await decoded(SESSION, '--port', '445')).err).toContain('no connection has one of the ports asked for');
  });

  it('show the calls of the client of a session', async () => {
    const both = await decoded(SESSION, '--session', '192.0.2.5,192.0.2.9');
    expect(both.out).toBe((await decoded(SESSION)).out);
    expect((await decoded(SESSION, '--session', '192.0.2.9,192.0.2.5')).out).toBe('');
  });
});
