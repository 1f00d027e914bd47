import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ALL_FORMS } from '../../captures/make/schemas.js';
import { jsonSchema } from '../../src/output/schema/schemas.js';
import { ndjsonSchema } from '../../src/output/schema/ndjson.js';
import { reportSchema } from '../../src/output/schema/report.js';
import { recordingSchema } from '../../replay/recording/schema.js';
import { readRecording } from '../../replay/recording/format.js';
import { sessionCaptures, shippedCaptures } from '../support/captures.js';
import { command } from './report/support.js';
import { ROOT, sharedCaptures, sharedFolder } from '../support/shared.js';

const SECRETS = ['--password', 'alice:secret', '--password', 'tester:secret'] as const;
const shared = sharedFolder();
const field =
  shared === null
    ? []
    : readdirSync(join(shared, 'field'))
        .filter((name) => name.startsWith('refused-'))
        .map((name) => join(shared, 'field', name));
const CAPTURES = [...shippedCaptures(), ...sessionCaptures(), ...sharedCaptures(), ...field];

/** What a value breaks of a schema, in short. */
function broken(schema: z.ZodType, value: unknown): readonly string[] {
  const { error } = schema.safeParse(value);
  return (error?.issues ?? []).slice(0, 3).map((one) => `${one.path.join('.')}: ${one.message}`);
}

describe('the schemas that ship', () => {
  it.each(ALL_FORMS.map((form) => [form.name, form] as const))('are what the sources say: %s', (name, form) => {
    const shipped = readFileSync(join(ROOT, 'schemas', `${name}.schema.json`), 'utf8');
    expect(shipped).toBe(jsonSchema(form));
    expect(JSON.parse(shipped)).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `urn:uamgscope:${name}:${form.version}`,
    });
  });

  it.each(CAPTURES)('hold for every line of decode --format ndjson: %s', async (path) => {
    const { out } = await command('decode', path, '--format', 'ndjson', '--objects', ...SECRETS);
    const lines = out.split('\n').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(broken(ndjsonSchema, JSON.parse(line)), line.slice(0, 300)).toEqual([]);
  });

  it.each(CAPTURES)('hold for decode --stats: %s', async (path) => {
    for (const secrets of [[], SECRETS]) {
      const { out } = await command('decode', path, '--stats', '--format', 'ndjson', ...secrets);
      const lines = out.split('\n').filter((line) => line.includes('"kind":"statistics"'));
      expect(lines).toHaveLength(1);
      expect(broken(ndjsonSchema, JSON.parse(lines[0] ?? ''))).toEqual([]);
    }
  });

  it.each(CAPTURES)('hold for the report: %s', async (path) => {
    const { out } = await command('report', path, '--format', 'json', ...SECRETS);
    expect(broken(reportSchema, JSON.parse(out))).toEqual([]);
  });

  it('hold for a report of two captures, and for a recording', async () => {
    const [one = '', other = ''] = shippedCaptures();
    const { out } = await command('report', one, other, '--compare', '--format', 'json');
    expect(broken(reportSchema, JSON.parse(out))).toEqual([]);
    const file = join(mkdtempSync(join(tmpdir(), 'uamgscope-schema-')), 'a.uamgrec');
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
