import { z } from 'zod';
import { NDJSON_VERSION, ndjsonSchema } from './ndjson.js';
import { REPORT_VERSION, reportSchema } from './report.js';

/** A form that outputs have, as a JSON Schema. */
export interface FormSchema {
  /** Name of its file, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly version: number;
  readonly schema: z.ZodType;
}

/** The forms of outputs, from the one source that the tests hold all outputs to. */
export const FORMS: readonly FormSchema[] = [
  { name: 'report', title: 'report --format json', version: REPORT_VERSION, schema: reportSchema },
  { name: 'ndjson', title: 'a line of decode --format ndjson', version: NDJSON_VERSION, schema: ndjsonSchema },
];

/**
 * The JSON Schema (draft 2020-12) of a form as a document. What is added later must not break who validates, so
 * unknown properties are let through; what a schema cannot express (raw bytes) is anything.
 */
export function jsonSchema({ name, title, version, schema }: FormSchema): string {
  const made = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema: one }) => {
      if (one.additionalProperties === false) delete one.additionalProperties;
    },
  });
  const { $schema, ...rest } = made;
  return `${JSON.stringify({ $schema, $id: `urn:uamgscope:${name}:${version}`, title: `uamgscope ${title}, version ${version}`, ...rest }, null, 1)}\n`;
}
