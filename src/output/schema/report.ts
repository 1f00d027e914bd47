import { z } from 'zod';
import { AUTH_LEVELS } from '../../types.js';
import type { PlainValue, Report } from '../report/data.js';

/** Version of the form of `report --format json`: it grows when something is renamed or removed, not when it is added. */
export const REPORT_VERSION = 1;

const severity = z.enum(['info', 'warning', 'error']);
const authLevel = z.enum([...AUTH_LEVELS, 'unknown']);
const authVerdict = z.enum(['none', 'unverified', 'good', 'bad', 'sealed', 'opened']);
const certainty = z.enum(['known', 'inferred', 'guessed']);
const securityRecord = z.strictObject({
  kind: z.literal('security'),
  flow: z.number(),
  frame: z.number(),
  contextId: z.number(),
  mechanism: z.enum(['ntlm', 'kerberos']),
  user: z.string(),
  domain: z.string(),
  workstation: z.string(),
  target: z.string().nullable(),
  flags: z.number(),
  time: z.string().nullable(),
  version: z.union([z.literal(1), z.literal(2)]).nullable(),
  ticket: z
    .strictObject({
      etype: z.string(),
      realm: z.string(),
      authTime: z.string().nullable(),
      endTime: z.string().nullable(),
    })
    .nullable(),
  secret: z.enum(['proved', 'refused', 'unknown']),
  mic: z.enum(['good', 'bad']).nullable(),
});

const tone = z.enum(['good', 'info', 'warning', 'error', 'unknown']);

const sectionName = z.enum([
  'connections',
  'quality',
  'updates',
  'searches',
  'sessions',
  'results',
  'findings',
  'objects',
  'security',
  'members',
  'problems',
  'comparison',
]);

const tile = z.strictObject({
  name: z.enum(['missing', 'gravest', 'restart', 'searches', 'agents', 'connections', 'calls', 'differences']),
  title: z.string(),
  value: z.string(),
  detail: z.string(),
  tone: tone,
  link: sectionName.nullable(),
});

const attention = z.strictObject({
  severity: severity,
  title: z.string(),
  text: z.string(),
  link: z.union([
    z.strictObject({ kind: z.literal('call'), id: z.number() }),
    z.strictObject({ kind: z.literal('section'), name: sectionName }),
  ]),
});

const advice = z.strictObject({ tone: tone, what: z.string(), why: z.string(), link: attention.shape.link.nullable() });

const overview = z.strictObject({
  verdict: z.strictObject({ tone: tone, text: z.string() }),
  tiles: z.array(tile),
  advice: z.array(advice),
});

const connectionReport = z.strictObject({
  rule: z.string(),
  severity: severity,
  message: z.string(),
  step: z.enum(['connect', 'bind', 'logon', 'call']),
  client: z.string(),
  server: z.string(),
  attempts: z.number(),
  time: z.string().nullable(),
  lastedNs: z.number().nullable(),
  error: z.strictObject({ value: z.string(), name: z.string() }),
  cause: z.string(),
  advice: z.string(),
  call: z.number().nullable(),
  object: z.string().nullable(),
  frames: z.array(z.number()),
});

const sourceReport = z.strictObject({
  name: z.string(),
  size: z.number().nullable(),
  format: z.string().nullable(),
  frames: z.number(),
  first: z.string().nullable(),
  last: z.string().nullable(),
  dropped: z.number(),
  notes: z.array(z.string()),
});

const totals = z.strictObject({
  calls: z.number(),
  failed: z.number().nullable(),
  sealed: z.number(),
  unknown: z.number(),
  unanswered: z.number(),
  frames: z.number(),
  bytes: z.number(),
  flows: z.number(),
  pdus: z.number(),
  problems: z.number(),
  objects: z.number(),
  findings: z.record(severity, z.number()),
  first: z.string().nullable(),
  last: z.string().nullable(),
  durationNs: z.number().nullable(),
});

const qualityNote = z.strictObject({
  kind: z.enum([
    'gaps',
    'one-direction',
    'not-looked-into',
    'sealed',
    'truncated',
    'dropped',
    'clock',
    'midstream',
    'cut-packets',
    'damage',
    'unknown',
    'empty',
  ]),
  severity: severity,
  count: z.number(),
  text: z.string(),
});

const conversation = z.strictObject({
  client: z.string(),
  server: z.string(),
  ports: z.array(z.number()),
  calls: z.number(),
  failed: z.number().nullable(),
  sealed: z.number(),
  unknown: z.number(),
  bytes: z.number(),
  users: z.array(z.string()),
  first: z.string().nullable(),
  last: z.string().nullable(),
});

const timeline = z.strictObject({
  first: z.string().nullable(),
  partS: z.number(),
  calls: z.array(z.number()),
  failed: z.array(z.number()),
  unknown: z.array(z.number()),
});

const optionReport = z.strictObject({
  name: z.string(),
  text: z.string(),
  how: z.enum(['set', 'read', 'default', 'unknown']),
  call: z.number().nullable(),
});

const resultName = z.strictObject({
  kind: z.enum(['hresult', 'fault']),
  value: z.string(),
  name: z.string().nullable(),
  meaning: z.string().nullable(),
  cause: z.string().nullable(),
});

const eventReport = z.strictObject({
  session: z.number(),
  topic: z.string(),
  call: z.number(),
  time: z.string().nullable(),
  object: z.string().nullable(),
  text: z.string(),
  setting: z.strictObject({ name: z.string(), text: z.string() }).nullable(),
  criteria: z.strictObject({ text: z.string(), words: z.string(), problem: z.string().nullable() }).nullable(),
  options: z.array(optionReport),
  result: z.array(z.strictObject({ title: z.string(), text: z.string() })),
  failure: resultName.nullable(),
  ended: z.enum(['succeeded', 'failed', 'unknown']),
  latencyNs: z.number().nullable(),
});

const stepReport = z.strictObject({
  call: z.number(),
  last: z.number(),
  time: z.string().nullable(),
  calls: z.number(),
  failed: z.number().nullable(),
  unknown: z.number(),
  upkeep: z.number(),
  text: z.string(),
  folded: z.boolean(),
  latencyNs: z.number().nullable(),
});

const sessionReport = z.strictObject({
  id: z.number(),
  client: z.string(),
  server: z.string(),
  users: z.array(z.string()),
  first: z.string().nullable(),
  last: z.string().nullable(),
  durationNs: z.number().nullable(),
  calls: z.number(),
  failed: z.number().nullable(),
  sealed: z.number(),
  unknown: z.number(),
  upkeep: z.number(),
  events: z.array(eventReport),
  eventsLost: z.number(),
  steps: z.array(stepReport),
  stepsLost: z.number(),
});

const plainValue: z.ZodType<PlainValue> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.array(plainValue)]).nullable(),
);

const cellReport = z.strictObject({ text: z.string(), value: plainValue, before: z.array(z.string()) });

const rowReport = z.strictObject({
  cells: z.array(cellReport.nullable()),
  objects: z.array(z.string()),
  call: z.number(),
  sessions: z.array(z.number()),
});

const tableReport = z.strictObject({
  name: z.string(),
  title: z.string(),
  noun: z.tuple([z.string(), z.string()]),
  columns: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      show: z.enum(['text', 'bytes', 'hresult', 'date', 'enum']),
      foremost: z.boolean(),
      filter: z.boolean(),
    }),
  ),
  rows: z.array(rowReport),
  lost: z.number(),
  counted: z.number(),
});

const latencyReport = z.strictObject({
  answered: z.number(),
  p50: z.number().nullable(),
  p90: z.number().nullable(),
  p99: z.number().nullable(),
  max: z.number().nullable(),
  histogram: z.array(z.strictObject({ upTo: z.number().nullable(), count: z.number() })),
});

const memberReport = latencyReport.extend(
  z.strictObject({
    name: z.string(),
    section: z.string().nullable(),
    count: z.number(),
    failed: z.number().nullable(),
    sealed: z.number(),
    unknown: z.number(),
    late: z.number(),
  }).shape,
);

const resultReport = resultName.extend(
  z.strictObject({
    count: z.number(),
    bad: z.boolean(),
    call: z.number(),
    frames: z.array(z.number()),
    time: z.string().nullable(),
    members: z.array(z.strictObject({ name: z.string(), count: z.number() })),
  }).shape,
);

const fieldReport = z.strictObject({
  depth: z.number(),
  name: z.string(),
  type: z.string(),
  start: z.number(),
  end: z.number(),
  text: z.string(),
  meaning: z.string().nullable(),
  section: z.string().nullable(),
});

const stubReport = z.strictObject({
  size: z.number(),
  frames: z.array(z.number()),
  sealed: z.boolean(),
  complete: z.boolean(),
  hex: z.string(),
  fields: z.array(fieldReport),
  fieldsLost: z.number(),
});

const callReport = z.strictObject({
  id: z.number(),
  why: z.array(z.string()),
  text: z.string(),
  outcome: z.string(),
  failed: z.boolean().nullable(),
  sealed: z.boolean(),
  unknown: z.boolean(),
  time: z.string().nullable(),
  latencyNs: z.number().nullable(),
  facts: z.array(z.strictObject({ name: z.string(), text: z.string() })),
  problems: z.array(z.string()),
  request: stubReport.nullable(),
  response: stubReport.nullable(),
});

const objectReport = z.strictObject({
  label: z.string(),
  formerLabel: z.string().nullable(),
  class: z.string().nullable(),
  certainty,
  because: z.string().nullable(),
  oid: z.string().nullable(),
  oxid: z.string().nullable(),
  madeBy: z.number().nullable(),
  parent: z.string().nullable(),
  interfaces: z.array(
    z.strictObject({
      ipid: z.string(),
      iid: z.string().nullable(),
      interface: z.string().nullable(),
      references: z.number(),
      madeBy: z.number().nullable(),
      calls: z.number(),
    }),
  ),
  references: z.number(),
  calls: z.number(),
  pings: z.number(),
  releasedBy: z.number().nullable(),
  leaked: z.boolean(),
  depth: z.number(),
  server: z.string(),
  firstSeen: z.string().nullable(),
  lastSeen: z.string().nullable(),
  lastPing: z.string().nullable(),
});

const objectsReport = z.strictObject({
  total: z.number(),
  unidentified: z.number(),
  leaked: z.number(),
  released: z.number(),
  pinged: z.number(),
  records: z.array(objectReport),
  lost: z.number(),
});

const protectionReport = z.strictObject({
  mechanism: z.string(),
  level: authLevel,
  verdict: authVerdict,
  user: z.string().nullable(),
  calls: z.number(),
  call: z.number(),
});

const securityReport = z.strictObject({
  uses: z.array(protectionReport),
  logons: z.array(securityRecord.extend(z.strictObject({ who: z.string(), how: z.string() }).shape)),
  logonsLost: z.number(),
  weak: z.array(z.strictObject({ severity: severity, text: z.string() })),
});

const findingGroup = z.strictObject({
  rule: z.string(),
  severity: severity,
  spec: z.string().nullable(),
  count: z.number(),
  findings: z.array(
    z.strictObject({
      message: z.string(),
      call: z.number().nullable(),
      object: z.string().nullable(),
      frames: z.array(z.number()),
    }),
  ),
});

const problemGroup = z.strictObject({
  code: z.string(),
  count: z.number(),
  problems: z.array(
    z.strictObject({
      message: z.string(),
      call: z.number().nullable(),
      frame: z.number().nullable(),
      offset: z.number().nullable(),
    }),
  ),
});

const tableChange = z.strictObject({
  title: z.string(),
  noun: z.tuple([z.string(), z.string()]),
  same: z.number(),
  rows: z.array(
    z.strictObject({
      change: z.enum(['added', 'removed', 'changed']),
      name: z.string(),
      cells: z.array(
        z.strictObject({ title: z.string(), before: z.string().nullable(), after: z.string().nullable() }),
      ),
    }),
  ),
});

const callChange = z.strictObject({
  status: z.string(),
  title: z.string(),
  before: z.number().nullable(),
  after: z.number().nullable(),
  differences: z.array(
    z.strictObject({ place: z.string(), before: z.string(), after: z.string(), message: z.string().nullable() }),
  ),
});

const comparisonReport = z.strictObject({
  before: z.string(),
  after: z.string(),
  same: z.boolean(),
  counts: z.array(z.strictObject({ title: z.string(), before: z.number().nullable(), after: z.number().nullable() })),
  sealed: z.number(),
  lacks: z.array(qualityNote),
  tables: z.array(tableChange),
  results: z.array(z.strictObject({ name: z.string(), before: z.number(), after: z.number() })),
  latency: z.array(z.strictObject({ member: z.string(), before: z.number(), after: z.number(), count: z.number() })),
  calls: z.array(callChange),
  callsLost: z.number(),
});

export const reportSchema = z.strictObject({
  tool: z.string(),
  title: z.string(),
  sources: z.array(sourceReport),
  totals: totals,
  overview: overview,
  connections: z.array(connectionReport),
  connectionsLost: z.number(),
  attention: z.array(attention),
  quality: z.array(qualityNote),
  conversations: z.array(conversation),
  timeline: timeline,
  sessions: z.array(sessionReport),
  sessionsLost: z.number(),
  topics: z.array(
    z.strictObject({ name: z.string(), title: z.string(), events: z.array(eventReport), lost: z.number() }),
  ),
  tables: z.array(tableReport),
  latency: latencyReport,
  members: z.array(memberReport),
  results: z.array(resultReport),
  slowest: z.array(z.number()),
  calls: z.array(callReport),
  callsLost: z.number(),
  objects: objectsReport,
  security: securityReport,
  findings: z.array(findingGroup),
  problems: z.array(problemGroup),
  comparison: comparisonReport.nullable(),
});

/** The compiler holds the schema to the type: what it lets through is a report. */
export const asReport = (given: z.infer<typeof reportSchema>): Report => given;
