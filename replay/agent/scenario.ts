import { z } from 'zod';
import { dateOf, momentAfter } from './clock.js';
import { checked, faultSchema, serviceSchema, updateSchema } from './model.js';

/** One, or a list. */
function some<Item extends z.ZodType>(item: Item) {
  return z
    .union([z.array(item).max(1000), item])
    .transform((given): readonly z.infer<Item>[] =>
      Array.isArray(given) ? (given as z.infer<Item>[]) : [given as z.infer<Item>],
    )
    .default([]);
}

/** An update by its id, or by a KB number for all that have it. */
const which = z
  .string()
  .regex(/^(KB\d{4,9}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i, 'the id of an update or a KB number is wanted');

const performed = z.strictObject({
  update: which,
  result: z.enum(['succeeded', 'with-errors', 'failed', 'aborted']).optional(),
  hresult: z.number().int().optional(),
  unmapped: z.number().int().optional(),
  reboot: z.boolean().optional(),
  client: z.string().optional(),
});
/** An update that is installed or uninstalled, by its name alone, or with what came of it. */
const operation = z
  .union([which, performed])
  .transform((given): z.infer<typeof performed> => (typeof given === 'string' ? { update: given } : given));

/** A patch of an update: the fields of a model's update that change. Held to the model's schema when it is applied. */
const change = z.looseObject({ update: which });

const step = z.strictObject({
  at: z.string(),
  says: z.string().optional(),
  appears: some(updateSchema),
  changes: some(change),
  withdraws: some(which),
  downloads: some(which),
  installs: some(operation),
  uninstalls: some(operation),
  hides: some(which),
  shows: some(which),
  network: z.enum(['up', 'down']).optional(),
  detects: z.boolean().default(false),
  restarts: z.boolean().default(false),
  registers: some(serviceSchema),
  removes: some(z.string()),
  faults: some(faultSchema),
});

/** The story of a night, in a file people write; docs/model.md. */
const scenarioSchema = z.strictObject({
  begins: z.string(),
  /** Whether the agent installs, and uninstalls, what is due at its deadline. */
  deadlines: z.boolean().default(true),
  story: z.array(step).max(10_000),
});

export type Operation = z.infer<typeof operation>;
export type Step = Omit<z.infer<typeof step>, 'at'> & {
  /** When it happens, in ms since 1970, UTC. */
  readonly atMs: number;
  /** Its place in the file, for messages: `story.3`. */
  readonly place: string;
};

export interface Scenario {
  readonly beginsMs: number;
  readonly deadlines: boolean;
  /** In the order of time. */
  readonly steps: readonly Step[];
}

/** Checks a scenario and sets its steps in time. @throws Error that names the path of what is wrong */
export function readScenario(value: unknown): Scenario {
  const { begins, deadlines, story } = checked(scenarioSchema, value);
  const beginsMs = dateOf(begins);
  if (beginsMs === null) throw new Error('begins: a date as 2026-11-11T22:00:00 is wanted');
  let before = beginsMs;
  const steps: Step[] = [];
  for (const [index, { at, ...rest }] of story.entries()) {
    const place = `story.${index}`;
    const atMs = momentAfter(before, at);
    if (atMs === null)
      throw new Error(`${place}.at: a time as 22:30, a span as +45m or a date as 2026-11-12T03:00:00 is wanted`);
    if (atMs < before) throw new Error(`${place}.at: ${at} is before the step that stands above it`);
    before = atMs;
    steps.push({ ...rest, atMs, place });
  }
  return { beginsMs, deadlines, steps };
}
