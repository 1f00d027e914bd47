import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BINDINGS } from '../../src/tui/keys.js';
import { DOC, PICTURE, readmePicture, SHOTS, withScreens } from './screens.js';

describe('docs/tui.md', () => {
  const text = readFileSync(DOC, 'utf8');

  it('shows the screens that the program draws (npx tsx test/tui/screens.ts writes them)', () => {
    for (const name of Object.keys(SHOTS)) expect(text).toContain(`<!-- screen: ${name} -->`);
    expect(withScreens(text)).toBe(text);
    expect(readFileSync(PICTURE, 'utf8')).toBe(readmePicture());
  });

  it('leaves no key out', () => {
    for (const { keys } of BINDINGS) expect(text).toContain(`\`${keys[0]}\``);
  });
});
