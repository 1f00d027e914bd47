import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { backgroundOf } from '../../src/cli/tui/background.js';
import { Screen } from '../../src/tui/screen.js';
import { span } from '../../src/tui/line.js';
import type { Event } from '../../src/tui/state.js';

function terminal(unicode = true) {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  let written = '';
  let now = 0;
  output.on('data', (piece: Buffer) => {
    written += piece.toString('utf8');
  });
  const events: Event[] = [];
  const screen = new Screen({
    input,
    output,
    palette: { colours: 16, theme: 'dark' },
    unicode,
    onEvent: (event) => events.push(event),
    now: () => (now += 1000),
  });
  return {
    input,
    output,
    events,
    screen,
    take: () => {
      const all = written;
      written = '';
      return all;
    },
  };
}

describe('the screen over plain streams', () => {
  it('gives keys by name, letters with what they write, and the mouse', async () => {
    const { input, events, screen } = terminal();
    for (const bytes of [
      'j',
      'é',
      ' ',
      '\u001b[A',
      '\u001b[6~',
      '\u0004',
      '\t',
      '\u001b[Z',
      '\r',
      '\u001b[<0;11;6M',
      '\u001b[<65;3;4M',
    ]) {
      input.write(bytes);
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    expect(events).toEqual([
      { kind: 'key', key: 'j', text: 'j' },
      { kind: 'key', key: 'é', text: 'é' },
      { kind: 'key', key: 'space', text: ' ' },
      { kind: 'key', key: 'up', text: '' },
      { kind: 'key', key: 'pagedown', text: '' },
      { kind: 'key', key: 'C-d', text: '' },
      { kind: 'key', key: 'tab', text: '' },
      { kind: 'key', key: 'S-tab', text: '' },
      { kind: 'key', key: 'enter', text: '' },
      { kind: 'mouse', column: 10, row: 5, action: 'press' },
      { kind: 'mouse', column: 2, row: 3, action: 'down' },
    ]);
    screen.close();
  });

  it('reads keys of a terminal that was asked for its background before', async () => {
    // As a tty has it; what reads keys resumes a stream that it puts into raw mode itself.
    const input = Object.assign(new PassThrough(), {
      isTTY: true,
      isRaw: false,
      setRawMode(on: boolean) {
        input.isRaw = on;
      },
    });
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
    output.on('data', (piece: Buffer) => {
      if (piece.toString().includes('\u001b[c')) input.write('x\u001b[?6c');
    });
    const { keys } = await backgroundOf(input, output);
    const events: Event[] = [];
    const screen = new Screen({
      input: keys,
      output,
      palette: { colours: 16, theme: 'dark' },
      unicode: true,
      onEvent: (event) => events.push(event),
      now: () => 0,
    });
    input.write('j');
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    screen.close();
    expect(events.map((event) => (event.kind === 'key' ? event.key : event.kind)).join('')).toContain('j');
    expect(keys.readableFlowing).toBe(false);
  });

  it('draws only the lines that changed', () => {
    const { screen, take } = terminal();
    screen.draw([[span('one')], [span('two')]], null);
    expect(take()).toContain('\u001b[2;1H');
    screen.draw([[span('one')], [span('three')]], null);
    const again = take();
    expect(again).toContain('three');
    expect(again).not.toContain('one');
    screen.draw([[span('one')], [span('three')]], null);
    expect(take()).toBe('');
    screen.close();
  });

  it('leaves the terminal as it was, once', () => {
    const { screen, take } = terminal();
    expect(take()).toContain('\u001b[?1049h');
    screen.close();
    expect(take()).toMatch(/\u001b\[\?1006l.*\u001b\[\?1000l.*\u001b\[\?25h\u001b\[\?1049l/);
    screen.close();
    expect(take()).toBe('');
  });

  it('copies as OSC 52, whatever the text holds', () => {
    const { screen, take } = terminal();
    take();
    screen.copy('a\u0007\u001b]0;x\u0007');
    expect(take()).toBe(`\u001b]52;c;${Buffer.from('a\u0007\u001b]0;x\u0007').toString('base64')}\u0007`);
    screen.close();
  });

  it('draws all anew after another size, or when it is told to', () => {
    const { screen, output, events, take } = terminal();
    screen.draw([[span('one')]], null);
    take();
    Object.assign(output, { columns: 100, rows: 30 });
    output.emit('resize');
    expect(events.at(-1)).toEqual({ kind: 'resize', columns: 100, rows: 30 });
    screen.draw([[span('one')]], { column: 200, row: 0 });
    expect(take()).toMatch(/one.*\u001b\[1;100H\u001b\[\?25h/);
    screen.invalidate();
    screen.draw([[span('one')]], null);
    expect(take()).toContain('one');
    screen.close();
    screen.draw([[span('two')]], null);
    expect(take()).not.toContain('two');
  });

  it('writes what every terminal can show where it shows no Unicode', () => {
    const { screen, take } = terminal(false);
    screen.draw([[span('a → é')]], null);
    // oxlint-disable-next-line no-control-regex -- sequences are what is looked for
    expect(take()).toMatch(/^[\u0000-\u007f]*$/);
    screen.close();
  });

  it('gives the terminal back when the process ends under it, once', () => {
    const before = process.listeners('exit').length;
    const { screen, input } = terminal();
    // blessed has one of its own.
    const restore = process.listeners('exit').slice(before).at(-1);
    let raw: boolean | null = null;
    Object.assign(input, {
      setRawMode: (on: boolean) => {
        raw = on;
      },
    });
    restore?.(0);
    expect(raw).toBe(false);
    raw = null;
    restore?.(0);
    screen.close();
    expect(raw).toBeNull();
    process.removeListener('exit', restore as () => void);
  });

  it('leaves the terminal to the shell until it is continued', async () => {
    const { screen, take, events } = terminal();
    take();
    // The signal itself would stop whoever runs the tests.
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    const before = process.listeners('SIGCONT').length;
    screen.suspend();
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGTSTP');
    kill.mockRestore();
    expect(take()).toContain('\u001b[?1049l');
    for (const listener of process.rawListeners('SIGCONT').slice(before)) listener('SIGCONT');
    expect(take()).toContain('\u001b[?1049h');
    expect(events.at(-1)).toMatchObject({ kind: 'resize' });
    screen.close();
    screen.suspend();
    expect(take()).not.toContain('\u001b[?1049h');
  });
});
