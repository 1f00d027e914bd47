import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../src/bytes/block.js';
import { toHex } from '../../src/bytes/hex.js';
import type { Session } from '../../src/tui/session/session.js';
import type { Call } from '../../src/types.js';
import { Player, sessionOf } from './support.js';

const opened = (name: string): Session =>
  sessionOf(name, undefined, {
    passwords: [{ user: null, password: name.includes('impacket') ? 'secret' : 'Pässwörd✓1' }],
  });

function* calls(session: Session): Generator<Call> {
  for (let index = 0; index < session.count; index++) {
    const call = session.call(index);
    if (call !== null) yield call;
  }
}

describe('stubs that were opened', () => {
  it.each(['wua-sealed.pcapng', 'sessions/impacket-privacy.pcapng'])(
    'are kept as they were on the wire: %s',
    (name) => {
      const clear = opened(name);
      const closed = [...calls(sessionOf(name))];
      let compared = 0;
      for (const [at, call] of [...calls(clear)].entries()) {
        for (const side of ['request', 'response'] as const) {
          const wire = clear.wire(call, side);
          const sealed = closed[at]?.exchange[side] ?? null;
          expect(wire === null ? null : toHex(wire, 0, wire.length)).toBe(
            sealed === null || !sealed.sealed ? null : toHex(bytesOf(sealed), 0, sealed.end - sealed.start),
          );
          const plain = call.exchange[side];
          if (wire === null || wire.length === 0 || plain === null) continue;
          expect(plain.sealed).toBe(false);
          expect(toHex(wire, 0, wire.length)).not.toBe(toHex(bytesOf(plain), 0, plain.end - plain.start));
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(20);
    },
  );

  it('come with the key that enters a password for them', () => {
    const closed = new Player(sessionOf('wua-sealed.pcapng'), 160, 40).press('end');
    expect(closed.screen()).toContain('cipher text: K enters a password that opens them');
    expect(new Player(opened('wua-sealed.pcapng'), 160, 40).press('end').screen()).not.toContain('enters a password');
  });

  it('are none where nothing was sealed', () => {
    const session = opened('wua-signed.pcapng');
    for (const call of calls(session))
      expect([session.wire(call, 'request'), session.wire(call, 'response')]).toEqual([null, null]);
  });
});

describe('the bytes pane', () => {
  it('shows either, the field marked in both', () => {
    const player = new Player(opened('wua-sealed.pcapng'), 160, 40).press(
      ':',
      'type:20',
      'enter',
      'tab',
      ...Array.from({ length: 10 }, () => 'j'),
    );
    const plain = player.screen();
    const place = player.state.bytes;
    player.press('w');
    const sealed = player.screen();
    expect(sealed).toMatch(/bytes of the \w+, on the wire/);
    expect(sealed).toContain('cipher text');
    expect(sealed).not.toBe(plain);
    expect(player.state.bytes).toEqual(place);
    player.press('y', 'b');
    const copied = player.effects.at(-1);
    player.press('w', 'y', 'b');
    expect(player.screen()).toBe(plain);
    expect(copied).not.toEqual(player.effects.at(-1));
  });

  it('says where there is but one way', () => {
    expect(new Player(sessionOf('wua-session.pcapng')).press('w').screen()).toContain('was not opened');
  });
});
