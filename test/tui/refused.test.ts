import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shared } from '../support/shared.js';
import { Player, sessionOf } from './support.js';

const refused = shared('field/refused-syn-unanswered.pcap', 'refused connections in the terminal analyzer');

describe.skipIf(refused === null)('connections that never became calls, in the terminal analyzer', () => {
  const player = (): Player => new Player(sessionOf(new Uint8Array(readFileSync(refused ?? ''))), 160, 30);

  it('stand in the ladder at their time, with how often they were tried and what the client gets', () => {
    const shown = player();
    shown.press('L');
    const lines = shown.rows().filter((line) => line.includes('✗'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/├─✗ 3 tries, no connection to 192\.0\.2\.9:49668: RPC_S_SERVER_UNAVAILABLE/);
  });

  it('stand in the findings with cause and advice, and lead to the call that named the port', () => {
    const shown = player();
    shown.press('5');
    const text = shown.screen();
    expect(text).toContain('tried port 49668 of 192.0.2.9 3 times in 6 s');
  });
});
