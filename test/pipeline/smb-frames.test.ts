import { describe, expect, it } from 'vitest';
import { MAX_NEEDED_MESSAGES, SmbFrames } from '../../src/pipeline/smb-frames.js';

describe('frames of SMB connections that are needed', () => {
  it('may be as many for one message as it has bytes', () => {
    const many = Array.from({ length: 400_000 }, (_, at) => at + 1);
    const needed = new SmbFrames(new Set([7]));
    needed.onMessage(1, { frames: many, id: 1, answer: false, setup: true });
    needed.onPipe(7, 1, [...many, 400_001]);
    expect(needed.needed(() => false).size).toBe(400_001);
  });

  it('are remembered for so many messages that open sessions, and forgotten with their connection', () => {
    const needed = new SmbFrames(new Set([7]));
    const setup = (flow: number, frame: number): void =>
      needed.onMessage(flow, { frames: [frame], id: frame, answer: false, setup: true });
    for (let frame = 1; frame <= MAX_NEEDED_MESSAGES + 10; frame++) setup(1, frame);
    needed.onPipe(7, 1, []);
    expect(needed.needed(() => false).size).toBe(MAX_NEEDED_MESSAGES);
    const others = new SmbFrames(new Set([7]));
    for (let flow = 1; flow <= 10; flow++) {
      for (let frame = 1; frame <= MAX_NEEDED_MESSAGES / 2; frame++)
        others.onMessage(flow, { frames: [frame], id: frame, answer: false, setup: true });
      others.over(flow);
    }
    others.onMessage(11, { frames: [5], id: 1, answer: false, setup: true });
    others.onPipe(7, 11, []);
    expect([...others.needed(() => false)]).toEqual([5]);
  });
});
