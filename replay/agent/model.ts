import { z } from 'zod';

const text = z.string();
const flag = z.boolean().default(false);
const guid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'a GUID is wanted');
const date = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/, 'a date as 2026-11-20T12:00:00 is wanted');
const size = z
  .union([z.string().regex(/^\d+$/, 'a number of bytes is wanted'), z.number().int().nonnegative()])
  .transform(String);
const count = z.number().int().nonnegative().default(0);

type Words = {
  readonly title?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly releaseNotes?: string | undefined;
};

/** Texts by LCID, which is written in decimal or as 0x411. */
const localized = z
  .record(
    z.string().regex(/^(0x[0-9a-f]{1,5}|\d{1,7})$/i, 'an LCID as 0x411 or 1041 is wanted'),
    z.strictObject({
      title: text.optional(),
      name: text.optional(),
      description: text.optional(),
      releaseNotes: text.optional(),
    }),
  )
  .transform(
    (all): Readonly<Record<number, Words>> =>
      Object.fromEntries(Object.entries(all).map(([lcid, words]) => [Number(lcid), words])),
  )
  .default({});

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

const update = z.strictObject({
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
  action: z.enum(['install', 'uninstall', 'detect']).default('install'),
  bundles: z.array(guid).default([]),
  services: z.array(guid).default([]),
  driver: device.nullable().default(null),
  devices: z.array(device).max(10_000).default([]),
  localized,
});

const category = z.strictObject({
  id: guid,
  name: text,
  type: text.default('UpdateClassification'),
  description: text.default(''),
  order: z.number().int().default(0),
  parent: guid.nullable().default(null),
  image,
  localized,
});
const service = z.strictObject({
  id: guid,
  name: text,
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
  service: guid.default('00000000-0000-0000-0000-000000000000'),
  description: text.default(''),
});
const warning = z.strictObject({
  message: text.nullable().default(null),
  hresult: z.number().int(),
  context: z.enum(['general', 'driver', 'installer']).default('general'),
});
const fault = z.strictObject({
  member: z.string().regex(/^\w+(::|\.)\w+$/, 'a member as IUpdateSearcher::Search is wanted'),
  hresult: z.number().int().optional(),
  fault: z.number().int().optional(),
  drop: z.boolean().optional(),
  delay: z.number().int().nonnegative().max(3_600_000).optional(),
  times: z.number().int().positive().optional(),
});

/** The data of an agent: what the abstract data models of [MS-UAMG] 3 hold, in a file people write; docs/model.md. */
export const modelSchema = z.strictObject({
  numbering: z.enum(['wire', 'printed']).default('wire'),
  agent: z
    .strictObject({
      major: z.number().int().default(10),
      minor: z.number().int().default(0),
      product: text.default('10.0.26100.1'),
    })
    .prefault({}),
  locale: z.number().int().positive().max(0xfffff).default(0x409),
  lastSearch: date.nullable().default(null),
  lastInstallation: date.nullable().default(null),
  updates: z.array(update).max(100_000).default([]),
  categories: z.array(category).max(10_000).default([]),
  services: z.array(service).max(1000).default([]),
  history: z.array(entry).max(100_000).default([]),
  warnings: z.array(warning).max(1000).default([]),
  ping: z
    .strictObject({ period: z.number().positive().default(120), count: z.number().int().positive().default(3) })
    .prefault({}),
  faults: z.array(fault).max(1000).default([]),
});

export type Model = z.infer<typeof modelSchema>;
export type UpdateModel = Model['updates'][number];
export type CategoryModel = Model['categories'][number];
export type ServiceModel = Model['services'][number];
export type DeviceModel = NonNullable<UpdateModel['driver']>;
export type ImageModel = UpdateModel['image'];
export type Behavior = UpdateModel['installation'];

/** Checks a model. @throws Error that names the path of what is wrong */
export function readModel(value: unknown): Model {
  const parsed = modelSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a model'}`);
  }
  for (const [name, list] of Object.entries({
    updates: parsed.data.updates,
    categories: parsed.data.categories,
    services: parsed.data.services,
  }))
    unique(name, list);
  return parsed.data;
}

function unique(name: string, list: readonly { readonly id: string }[]): void {
  const seen = new Set<string>();
  for (const [at, { id }] of list.entries()) {
    if (seen.has(id.toLowerCase())) throw new Error(`${name}.${at}.id: ${id} is there already`);
    seen.add(id.toLowerCase());
  }
}
