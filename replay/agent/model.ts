import { z } from 'zod';
import { GUID_NULL } from '../../src/bytes/guid.js';
import { DEFAULT_PROFILE, PROFILES } from './profiles.js';

const text = z.string();
const flag = z.boolean().default(false);
const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a GUID is wanted');
const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, 'a date as 2026-11-20T12:00:00 is wanted');
const size = z
  .union([z.string().regex(/^\d+$/, 'a number of bytes is wanted'), z.number().int().nonnegative()])
  .transform(String);
const count = z.number().int().nonnegative().default(0);

const lcid = z.string().regex(/^(0x[0-9a-f]{1,5}|\d{1,7})$/i, 'an LCID as 0x411 or 1041 is wanted');

/** Texts by LCID, which is written in decimal or as 0x411. */
function byLocale<Words extends z.ZodType>(words: Words) {
  return z
    .record(lcid, words)
    .transform(
      (all): Readonly<Record<number, z.infer<Words>>> =>
        Object.fromEntries(Object.entries(all).map(([locale, texts]) => [Number(locale), texts])),
    )
    .default({});
}

const picture = { alt: text.nullable().optional(), source: text.optional() };
const updateWords = z.strictObject({
  title: text.optional(),
  description: text.optional(),
  releaseNotes: text.optional(),
  eula: text.optional(),
  uninstallNotes: text.optional(),
  uninstallSteps: z.array(text).optional(),
  urls: z.array(text).optional(),
  supportUrl: text.optional(),
  image: z.strictObject(picture).optional(),
});
const categoryWords = z.strictObject({
  name: text.optional(),
  description: text.optional(),
  image: z.strictObject(picture).optional(),
});

const image = z
  .strictObject({ alt: text.nullable().default(null), source: text, height: count, width: count })
  .nullable()
  .default(null);
const behavior = z.strictObject({
  impact: z.enum(['normal', 'minor', 'exclusive']).default('normal'),
  reboot: z.enum(['never', 'always', 'can']).default('never'),
  input: flag,
  network: flag,
});
const device = z.strictObject({
  class: text.default(''),
  hardwareId: text.default(''),
  manufacturer: text.nullable().default(null),
  model: text.default(''),
  provider: text.default(''),
  date: date.default('2025-01-01T00:00:00'),
  problem: z.number().int().default(0),
  status: z.number().int().default(0),
});

/** An update, as a service offers it and the machine has it. */
export const updateSchema = z.strictObject({
  id: guid,
  revision: z.number().int().positive().default(1),
  title: text,
  description: text.default(''),
  type: z.enum(['software', 'driver']).default('software'),
  severity: text.nullable().default(null),
  kb: z.array(text).default([]),
  bulletins: z.array(text).default([]),
  cves: z.array(text).default([]),
  categories: z.array(guid).default([]),
  supersedes: z.array(guid).default([]),
  languages: z.array(text).default(['en']),
  urls: z.array(text).default([]),
  supportUrl: text.nullable().default(null),
  releaseNotes: text.nullable().default(null),
  eula: text.nullable().default(null),
  eulaAccepted: flag,
  uninstallNotes: text.nullable().default(null),
  uninstallSteps: z.array(text).default([]),
  maxSize: size.default('0'),
  minSize: size.default('0'),
  changed: date.default('2026-01-01T00:00:00'),
  deadline: date.nullable().default(null),
  installed: flag,
  hidden: flag,
  downloaded: flag,
  mandatory: flag,
  beta: flag,
  uninstallable: flag,
  present: z.boolean().default(true),
  rebootRequired: flag,
  browseOnly: flag,
  assigned: z.boolean().default(true),
  perUser: flag,
  users: z.array(text).max(10_000).default([]),
  autoSelect: flag,
  source: flag,
  delta: flag,
  deltaPreferred: z.boolean().default(true),
  handler: text.nullable().default(null),
  cpu: count,
  disk: count,
  memory: count,
  image,
  installation: behavior.prefault({}),
  uninstallation: behavior.prefault({}),
  priority: z.enum(['low', 'normal', 'high', 'extra-high']).default('normal'),
  autoSelection: z.enum(['agent', 'if-downloaded', 'never', 'always']).default('agent'),
  autoDownload: z.enum(['agent', 'never', 'always']).default('agent'),
  contents: z
    .array(z.strictObject({ url: text, delta: flag }))
    .max(10_000)
    .default([]),
  action: z.enum(['install', 'uninstall', 'detect', 'none']).default('install'),
  bundles: z.array(guid).default([]),
  services: z.array(guid).default([]),
  driver: device.nullable().default(null),
  devices: z.array(device).max(10_000).default([]),
  localized: byLocale(updateWords),
});

const category = z.strictObject({
  id: guid,
  name: text,
  type: text.default('UpdateClassification'),
  description: text.default(''),
  order: z.number().int().default(0),
  parent: guid.nullable().default(null),
  image,
  localized: byLocale(categoryWords),
});
/** A service: registered, or only known to be there for AddService2 to find. */
export const serviceSchema = z.strictObject({
  id: guid,
  name: text,
  registered: z.boolean().default(true),
  managed: flag,
  registeredWithAU: flag,
  canRegisterWithAU: z.boolean().default(true),
  defaultAU: flag,
  scanPackage: flag,
  offersWindowsUpdates: z.boolean().default(true),
  issued: date.default('2020-01-01T00:00:00'),
  expires: date.default('2035-01-01T00:00:00'),
  url: text.default(''),
  redirects: z.array(text).default([]),
  prefix: text.default(''),
  certificate: z
    .string()
    .regex(/^([0-9a-f]{2})*$/i, 'bytes in hex are wanted')
    .default(''),
});
const entry = z.strictObject({
  title: text,
  update: guid,
  revision: z.number().int().default(1),
  date,
  operation: z.enum(['installation', 'uninstallation']).default('installation'),
  result: z.number().int().min(0).max(5).default(2),
  hresult: z.number().int().default(0),
  unmapped: z.number().int().default(0),
  client: text.default('AutomaticUpdates'),
  selection: z.enum(['default', 'managed', 'windows', 'others']).default('others'),
  service: guid.default(GUID_NULL),
  description: text.default(''),
  locale: z.number().int().positive().max(0xfffff).nullable().default(null),
  uninstallSteps: z.array(text).nullable().default(null),
  uninstallNotes: text.nullable().default(null),
  supportUrl: text.nullable().default(null),
  categories: z.array(guid).nullable().default(null),
});
const warning = z.strictObject({
  message: text.nullable().default(null),
  hresult: z.number().int(),
  context: z.enum(['general', 'driver', 'installer']).default('general'),
  localized: byLocale(z.strictObject({ message: text })),
});
const user = z.strictObject({
  name: text,
  principals: z.array(text).max(100).default([]),
  role: z.enum(['administrator', 'user', 'none']).default('administrator'),
  locale: z.number().int().positive().max(0xfffff).nullable().default(null),
});
/** What a member does instead of its work. */
export const faultSchema = z.strictObject({
  member: z.string().regex(/^\w+(::|\.)\w+$/, 'a member as IUpdateSearcher::Search is wanted'),
  hresult: z.number().int().optional(),
  fault: z.number().int().optional(),
  drop: z.boolean().optional(),
  delay: z.number().int().nonnegative().max(3_600_000).optional(),
  result: z.enum(['not-started', 'in-progress', 'with-errors', 'failed', 'aborted']).optional(),
  times: z.number().int().positive().optional(),
});

/** The data of an agent: what the abstract data models of [MS-UAMG] 3 hold, in a file people write; docs/model.md. */
export const modelSchema = z.strictObject({
  numbering: z.enum(['wire', 'printed']).default('wire'),
  profile: z.enum(PROFILES.map((one) => one.name)).default(DEFAULT_PROFILE),
  agent: z
    .strictObject({
      major: z.number().int().optional(),
      minor: z.number().int().optional(),
      product: text.optional(),
    })
    .default({}),
  network: z.enum(['up', 'down']).default('up'),
  readOnlySessions: flag,
  languages: z.array(z.number().int().positive().max(0xfffff)).max(1000).default([]),
  users: z.array(user).max(10_000).default([]),
  locale: z.number().int().positive().max(0xfffff).default(0x409),
  lastSearch: date.nullable().default(null),
  lastInstallation: date.nullable().default(null),
  updates: z.array(updateSchema).max(100_000).default([]),
  categories: z.array(category).max(10_000).default([]),
  services: z.array(serviceSchema).max(1000).default([]),
  history: z.array(entry).max(100_000).default([]),
  warnings: z.array(warning).max(1000).default([]),
  ping: z
    .strictObject({ period: z.number().positive().default(120), count: z.number().int().positive().default(3) })
    .prefault({}),
  faults: z.array(faultSchema).max(1000).default([]),
});

export type Model = z.infer<typeof modelSchema>;
export type UpdateModel = Model['updates'][number];
export type CategoryModel = Model['categories'][number];
export type ServiceModel = Model['services'][number];
export type DeviceModel = NonNullable<UpdateModel['driver']>;
export type ImageModel = UpdateModel['image'];
export type HistoryModel = Model['history'][number];
export type WarningModel = Model['warnings'][number];
export type FaultModel = Model['faults'][number];
export type UserModel = Model['users'][number];
export type Behavior = UpdateModel['installation'];

/** Checks a model. @throws Error that names the path of what is wrong */
export function readModel(value: unknown): Model {
  const model = checked(modelSchema, value);
  const { updates, categories, services } = model;
  for (const [name, list] of Object.entries({ updates, categories, services })) unique(name, list);
  return model;
}

/** What a schema makes of a value. @throws Error that names the path of what is wrong */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw new Error(`${place === '' ? 'the model' : place}: ${issue?.message ?? 'not what is wanted'}`);
}

function unique(name: string, list: readonly { readonly id: string }[]): void {
  const seen = new Set<string>();
  for (const [at, { id }] of list.entries()) {
    if (seen.has(id.toLowerCase())) throw new Error(`${name}.${at}.id: ${id} is there already`);
    seen.add(id.toLowerCase());
  }
}
