import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { brokenOutputs } from '../support/schemas.js';
import { sharedCaptures, sharedFolder } from '../support/shared.js';

const shared = sharedFolder();
const field =
  shared === null
    ? []
    : readdirSync(join(shared, 'field'))
        .filter((name) => name.startsWith('refused-'))
        .map((name) => join(shared, 'field', name));

describe('the schemas that ship', () => {
  it.each([...sharedCaptures(), ...field])('hold for lines, statistics and report: %s', async (path) => {
    expect(await brokenOutputs(path)).toEqual([]);
  });
});
