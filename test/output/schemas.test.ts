import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ALL_FORMS } from '../../captures/make/schemas.js';
import { jsonSchema } from '../../src/output/schema/schemas.js';
import { ndjsonSchema } from '../../src/output/schema/ndjson.js';
import { reportSchema } from '../../src/output/schema/report.js';
import { recordingSchema } from '../../replay/recording/schema.js';
import { readRecording } from '../../replay/recording/format.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { command } from './report/support.js';
import { broken, brokenOutputs } from '../support/schemas.js';
import { ROOT } from '../support/shared.js';

const CAPTURES = [...shippedCaptures(), ...sessionCaptures()];

describe('the schemas that ship', () => {
  it.each(ALL_FORMS.map((form) => [form.name, form] as const))('are what the sources say: %s', (name, form) => {
    const shipped = readFileSync(join(ROOT, 'schemas', `${name}.schema.json`), 'utf8');
    expect(shipped).toBe(jsonSchema(form));
    expect(JSON.parse(shipped)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:uamgscope:${name}:${form.version}`,
    });
  });

  it.each(CAPTURES)('hold for lines, statistics and report: %s', async (path) => {
    expect(await brokenOutputs(path)).toEqual([]);
  });

  it('hold for a report of two captures, and for a recording', async () => {
    const [one = '', other = ''] = shippedCaptures();
    const { out } = await command('report', one, other, '--compare', '--format', 'json');
    expect(broken(reportSchema, JSON.parse(out))).toEqual([]);
    const folder = mkdtempSync(join(tmpdir(), 'uamgscope-schema-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'a.uamgrec');
    await command('record', one, '-o', file);
    const { records } = readRecording(readFileSync(file));
    expect(records.length).toBeGreaterThan(10);
    for (const record of records) expect(broken(recordingSchema, record)).toEqual([]);
  });

  it('refuse what is not of the form', () => {
    expect(broken(ndjsonSchema, { kind: 'call', id: 1 })).not.toEqual([]);
    expect(broken(ndjsonSchema, { kind: 'finding', rule: 'x' })).not.toEqual([]);
    expect(broken(reportSchema, {})).not.toEqual([]);
  });
});
