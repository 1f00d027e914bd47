import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { backgroundOf } from '../../src/cli/tui/background.js';
import type { Paint, Under } from '../../src/tui/line.js';
import { looksOf, themeFor, themeOf, type Palette, type Theme } from '../../src/tui/palette.js';

type Rgb = readonly [red: number, green: number, blue: number];

const PAINTS: readonly Paint[] = [
  'plain',
  'bad',
  'warn',
  'good',
  'dim',
  'name',
  'value',
  'title',
  'key',
  'tab',
  'tab-on',
  'border',
  'border-on',
];
const UNDERS: readonly Under[] = [null, 'cursor', 'cursor-off', 'field', 'byte', 'marked'];

function rgb(hex: string): Rgb {
  const value = Number.parseInt(hex, 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}

/** Colours 0 to 15 as xterm and as the text mode of VGA have them. */
const SYSTEM: Readonly<Record<string, readonly Rgb[]>> = {
  xterm:
    '000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff'
      .split(' ')
      .map(rgb),
  vga: '000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa 555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff'
    .split(' ')
    .map(rgb),
};

/** Backgrounds that people have: black, One Dark, Solarized, Dracula, Nord; white, Solarized, GitHub, grey. */
const GROUNDS: Readonly<Record<Theme, readonly string[]>> = {
  dark: ['000000', '1c1c1c', '1e1e1e', '282c34', '002b36', '282a36', '2e3440'],
  light: ['ffffff', 'fdf6e3', 'f6f8fa', 'eeeeee'],
};

function indexed(index: number, system: readonly Rgb[]): Rgb {
  if (index < 16) return system[index] as Rgb;
  if (index >= 232) return [0, 1, 2].map(() => 8 + 10 * (index - 232)) as unknown as Rgb;
  const level = (part: number): number => (part === 0 ? 0 : 55 + 40 * part);
  const at = index - 16;
  return [level(Math.floor(at / 36)), level(Math.floor(at / 6) % 6), level(at % 6)];
}

/** The colours of text and ground that SGR parameters come to. */
function resolved(codes: string, plain: Rgb, ground: Rgb, system: readonly Rgb[]): readonly [Rgb, Rgb] {
  let [text, below, turned] = [plain, ground, false];
  const rest = codes.split(';').map(Number);
  for (let code = rest.shift(); code !== undefined; code = rest.shift()) {
    if (code === 38 || code === 48) {
      rest.shift();
      const colour = indexed(rest.shift() ?? 0, system);
      if (code === 38) text = colour;
      else below = colour;
    } else if (code === 7) turned = true;
    else if (code >= 30 && code <= 37) text = indexed(code - 30, system);
    else if (code >= 40 && code <= 47) below = indexed(code - 40, system);
    else if (code >= 90 && code <= 97) text = indexed(code - 82, system);
    else if (code >= 100 && code <= 107) below = indexed(code - 92, system);
  }
  return turned ? [below, text] : [text, below];
}

const linear = (part: number): number => {
  const value = part / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
};
const luminance = ([red, green, blue]: Rgb): number =>
  0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);

/** Contrast of WCAG 2. */
function contrast(one: Rgb, other: Rgb): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** What is left of colours without one kind of cones (Machado, Oliveira, Fernandes 2009, severity 1). */
const BLIND: Readonly<Record<string, readonly (readonly number[])[]>> = {
  none: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** L*a*b* of a colour as such eyes see it. */
function lab(colour: Rgb, cones: readonly (readonly number[])[]): readonly number[] {
  const light = colour.map(linear);
  const [red = 0, green = 0, blue = 0] = cones.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, weight, at) => sum + weight * (light[at] ?? 0), 0),
      ),
    ),
  );
  const f = (value: number): number => (value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116);
  const x = f((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505);
  const y = f(0.2126 * red + 0.7152 * green + 0.0722 * blue);
  const z = f((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const PALETTES: readonly Palette[] = (['dark', 'light'] as const).flatMap((theme) => [
  { theme, colours: 256 },
  { theme, colours: 16 },
  { theme, colours: 'none' },
]);

describe.each(PALETTES)('theme $theme with $colours colours', (palette) => {
  const plain: Rgb = palette.theme === 'dark' ? [229, 229, 229] : [0, 0, 0];

  it('has a contrast of 4.5 at least in every pair', () => {
    const poor: string[] = [];
    for (const [name, system] of Object.entries(SYSTEM)) {
      for (const ground of palette.colours === 16 ? GROUNDS[palette.theme].slice(0, 1) : GROUNDS[palette.theme]) {
        for (const paint of PAINTS) {
          for (const under of UNDERS) {
            const [text, below] = resolved(looksOf(paint, under, palette), plain, rgb(ground), system);
            const is = contrast(text, below);
            if (is < 4.5) poor.push(`${paint} on ${under ?? ground} (${name}): ${is.toFixed(2)}`);
          }
        }
      }
    }
    expect(poor).toEqual([]);
  });

  if (palette.colours === 'none') return;
  it('tells bad, doubtful and good apart for eyes of every kind', () => {
    const alike: string[] = [];
    const system = SYSTEM['xterm'] ?? [];
    for (const [kind, cones] of Object.entries(BLIND)) {
      for (const [one, other] of [
        ['bad', 'warn'],
        ['bad', 'good'],
        ['warn', 'good'],
        ['bad', 'plain'],
      ] as const) {
        const [a, b] = [one, other].map((paint) =>
          lab(resolved(looksOf(paint, null, palette), plain, [0, 0, 0], system)[0], cones),
        );
        const distance = Math.hypot(...(a ?? []).map((part, at) => part - (b?.[at] ?? 0)));
        if (distance < 20) alike.push(`${one} and ${other}, ${kind}: ${distance.toFixed(1)}`);
      }
    }
    expect(alike).toEqual([]);
  });
});

describe('the background', () => {
  it.each([
    ['rgb:ffff/ffff/ffff', 'light'],
    ['rgb:00/2b/36', 'dark'],
    ['rgb:fd/f6/e3', 'light'],
    ['rgba:0000/0000/0000/ffff', 'dark'],
    ['nonsense', null],
  ])('%s is for %s', (colour, theme) => {
    expect(themeFor(colour)).toBe(theme);
  });

  it.each([
    [{ COLORFGBG: '0;15' }, 'light'],
    [{ COLORFGBG: '15;default;0' }, 'dark'],
    [{}, null],
  ])('%j tells %s', (env, theme) => {
    expect(themeOf(env)).toBe(theme);
  });

  function terminal(answer: (question: string) => string) {
    const keys = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const output = new PassThrough();
    output.on('data', (piece: Buffer) => keys.write(answer(piece.toString())));
    return { keys, output };
  }

  it('is asked of the terminal, and what is typed meanwhile is kept', async () => {
    const { keys, output } = terminal(() => 'j\u001b]11;rgb:ffff/ffff/eeee\u001b\\G\u001b[?62;22c');
    const { theme, keys: on } = await backgroundOf(keys, output);
    expect(theme).toBe('light');
    expect(on).toBe(keys);
    expect(String(keys.read())).toBe('jG');
  });

  it('is not waited for where a terminal answers something else, or nothing', async () => {
    const other = terminal(() => '\u001b[?6c');
    expect((await backgroundOf(other.keys, other.output)).theme).toBe(null);
    const silent = terminal(() => '');
    const { theme, keys: late } = await backgroundOf(silent.keys, silent.output);
    expect(theme).toBe(null);
    // The answer of a slow line comes later: it is no key.
    silent.keys.write('\u001b]11;rgb:0/0/0\u0007\u001b[?6cq');
    expect(String(await new Promise((resolve) => void late.once('data', resolve)))).toBe('q');
  });

  it('is not asked of what is no terminal', async () => {
    const keys = new PassThrough();
    expect(await backgroundOf(keys, new PassThrough())).toEqual({ theme: null, keys });
  });
});
