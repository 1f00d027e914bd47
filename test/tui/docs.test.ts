import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOC, PICTURE, readmePicture, SHOTS, withKeys, withScreens } from './screens.js';

describe('docs/tui.md', () => {
  const text = readFileSync(DOC, 'utf8');

  it('shows the screens that the program draws (npx tsx test/tui/screens.ts writes them)', () => {
    for (const name of Object.keys(SHOTS)) expect(text).toContain(`<!-- screen: ${name} -->`);
    expect(withScreens(text)).toBe(text);
    expect(readFileSync(PICTURE, 'utf8')).toBe(readmePicture());
  });

  it('has every key', () => {
    expect(text).toContain('<!-- keys -->');
    expect(withKeys(text)).toBe(text);
  });
});
