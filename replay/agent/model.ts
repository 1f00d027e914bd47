import { z } from 'zod';

const text = z.string();
const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a GUID is wanted');
const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, 'a date as 2026-11-20T12:00:00 is wanted');
const size = z.union([z.string().regex(/^\d+$/), z.number().int().nonnegative()]).transform(String);

const update = z.strictObject({
  id: guid, revision: z.number().int().positive().default(1), title: text, description: text.default(''), type: z.enum(['software', 'driver']).default('software'), severity: text.nullable().default(null),
  kb: z.array(text).default([]), bulletins: z.array(text).default([]), cves: z.array(text).default([]), categories: z.array(guid).default([]), supersedes: z.array(guid).default([]), languages: z.array(text).default(['en']),
  urls: z.array(text).default([]), supportUrl: text.nullable().default(null), releaseNotes: text.nullable().default(null), eula: text.nullable().default(null), uninstallNotes: text.nullable().default(null),
  uninstallSteps: z.array(text).default([]), maxSize: size.default('0'), minSize: size.default('0'), changed: date.default('2026-01-01T00:00:00'), deadline: date.nullable().default(null),
  installed: z.boolean().default(false), hidden: z.boolean().default(false), downloaded: z.boolean().default(false), mandatory: z.boolean().default(false), beta: z.boolean().default(false), uninstallable: z.boolean().default(false),
  present: z.boolean().default(true), rebootRequired: z.boolean().default(false), browseOnly: z.boolean().default(false), assigned: z.boolean().default(true), perUser: z.boolean().default(false), autoSelect: z.boolean().default(false),
  action: z.enum(['install', 'uninstall', 'detect']).default('install'), bundles: z.array(guid).default([]), services: z.array(guid).default([]),
  driver: z.strictObject({ class: text.default(''), hardwareId: text.default(''), manufacturer: text.default(''), model: text.default(''), provider: text.default(''), date: date.default('2025-01-01T00:00:00'), problem: z.number().int().default(0), status: z.number().int().default(0) }).nullable().default(null),
});

const category = z.strictObject({ id: guid, name: text, type: text.default('UpdateClassification'), description: text.default(''), order: z.number().int().default(0), parent: guid.nullable().default(null) });
const service = z.strictObject({
  id: guid, name: text, managed: z.boolean().default(false), registeredWithAU: z.boolean().default(false), canRegisterWithAU: z.boolean().default(true), defaultAU: z.boolean().default(false), offersWindowsUpdates: z.boolean().default(true),
  issued: date.default('2020-01-01T00:00:00'), expires: date.default('2035-01-01T00:00:00'), url: text.default(''), redirects: z.array(text).default([]), prefix: text.default(''),
  certificate: z.string().regex(/^([0-9a-f]{2})*$/i, 'bytes in hex are wanted').default(''),
});
const entry = z.strictObject({
  title: text, update: guid, revision: z.number().int().default(1), date, operation: z.enum(['installation', 'uninstallation']).default('installation'), result: z.number().int().min(0).max(5).default(2), hresult: z.number().int().default(0),
  client: text.default('AutomaticUpdates'), service: guid.default('00000000-0000-0000-0000-000000000000'), description: text.default(''),
});
const fault = z.strictObject({
  member: z.string().regex(/^\w+(::|\.)\w+$/, 'a member as IUpdateSearcher::Search is wanted'), hresult: z.number().int().optional(), fault: z.number().int().optional(), drop: z.boolean().optional(),
  delay: z.number().int().nonnegative().max(3_600_000).optional(), times: z.number().int().positive().optional(),
});

/** The data of an agent: what [MS-UAMG] 3.1.1 calls its abstract data model, in a file people write; docs/model.md. */
export const modelSchema = z.strictObject({
  numbering: z.enum(['wire', 'printed']).default('wire'),
  agent: z.strictObject({ major: z.number().int().default(10), minor: z.number().int().default(0), product: text.default('10.0.26100.1') }).prefault({}),
  lastSearch: date.nullable().default(null), lastInstallation: date.nullable().default(null),
  updates: z.array(update).max(100_000).default([]), categories: z.array(category).max(10_000).default([]), services: z.array(service).max(1000).default([]), history: z.array(entry).max(100_000).default([]),
  ping: z.strictObject({ period: z.number().positive().default(120), count: z.number().int().positive().default(3) }).prefault({}),
  faults: z.array(fault).max(1000).default([]),
});

export type Model = z.infer<typeof modelSchema>;
export type UpdateModel = Model['updates'][number];

/** Checks a model. @throws Error that names the path of what is wrong */
export function readModel(value: unknown): Model {
  const parsed = modelSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a model'}`);
}
