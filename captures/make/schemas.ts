import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FORMAT_VERSION } from '../../replay/recording/migrate.js';
import { recordingSchema } from '../../replay/recording/schema.js';
import { PACKAGE_ROOT } from '../../src/io/package.js';
import { FORMS, jsonSchema, type FormSchema } from '../../src/output/schema/schemas.js';

/** Every form that ships as a JSON Schema; those of recordings are of a record, whatever it is packed in. */
export const ALL_FORMS: readonly FormSchema[] = [
  ...FORMS,
  { name: 'recording', title: 'a record of a recording', version: FORMAT_VERSION, schema: recordingSchema },
];

/** Writes schemas/*.json: `npx tsx captures/make/schemas.ts`. */
export function writeSchemas(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const form of ALL_FORMS) writeFileSync(join(folder, `${form.name}.schema.json`), jsonSchema(form));
}

if (process.argv[1]?.endsWith('schemas.ts') === true) writeSchemas(join(PACKAGE_ROOT, 'schemas'));
