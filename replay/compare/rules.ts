import { RE2JS, RE2JSException } from 're2js';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';

/** How a field is compared. */
export interface Rule {
  /** From 1, as it stands in the file. */
  readonly number: number;
  readonly paths: readonly string[];
  readonly ignore: boolean;
  /** Both values are texts that match. */
  readonly regex: { readonly test: (text: string) => boolean } | null;
  /** Numbers may differ by so much, or by so many percent of the expected one. */
  readonly tolerance: { readonly value: number; readonly percent: boolean } | null;
  /** Times may differ by so many milliseconds. */
  readonly timeMs: number | null;
  /** Lists are compared without their order. */
  readonly unordered: boolean;
  /** A change of HRESULT that is wanted; `from` null: whatever it was. */
  readonly hresult: { readonly from: number | null; readonly to: number } | null;
  readonly reason: string | null;
}

/** Tolerances of latency, by percentile, as a share of the expected one. */
export interface LatencyRule {
  readonly percentiles: readonly { readonly percentile: number; readonly share: number }[];
  /** Less than this is never slow, in nanoseconds. */
  readonly atLeastNs: number;
  /** Members looked at; all when empty. */
  readonly members: readonly string[];
  /** Calls a member must have on both sides. */
  readonly calls: number;
}

export interface Rules {
  readonly rules: readonly Rule[];
  readonly latency: LatencyRule | null;
}

export const NO_RULES: Rules = { rules: [], latency: null };
/** Rules of one file. */
export const MAX_RULES = 10_000;
/** Longest text a rule's regular expression is tried on. */
export const MAX_REGEX_TEXT = 16_384;

/** Rules that cannot be used: where and why. */
export class RulesError extends Error {
  override readonly name = 'RulesError';
}

const share = z.union([
  z.number().nonnegative(),
  z.string().regex(/^\d+(\.\d+)?\s*%$/, 'a share such as 20% is wanted'),
]);
const duration = z.string().regex(/^\d+(\.\d+)?\s*(ns|us|µs|ms|s|min|h|d)$/, 'a time such as 5ms, 2h or 1d is wanted');
const code = z.union([z.number().int(), z.string().min(1)]);
const paths = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const RULE = z.strictObject({
  path: paths,
  ignore: z.literal(true).optional(),
  regex: z.string().optional(),
  tolerance: share.optional(),
  time: duration.optional(),
  unordered: z.literal(true).optional(),
  hresult: z.union([code, z.strictObject({ from: code.optional(), to: code })]).optional(),
  reason: z.string().optional(),
});
const FILE = z.strictObject({
  version: z.literal(1).optional(),
  rules: z.array(RULE).max(MAX_RULES).optional(),
  latency: z
    .strictObject({
      p50: share.optional(),
      p90: share.optional(),
      p95: share.optional(),
      p99: share.optional(),
      max: share.optional(),
      atLeast: duration.optional(),
      members: z.array(z.string()).optional(),
      calls: z.number().int().positive().optional(),
    })
    .optional(),
});

/**
 * Reads rules from YAML (docs/compare.md); `hresultByName` knows names of HRESULTs. @throws RulesError that says which
 * rule, what is wrong and what is wanted
 */
export function parseRules(text: string, hresultByName: (name: string) => number | null): Rules {
  let given: unknown;
  try {
    given = parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch (error) {
    if (error instanceof YAMLParseError) throw new RulesError(error.message.split('\n')[0] ?? error.message);
    throw new RulesError(error instanceof Error ? error.message : String(error));
  }
  const checked = FILE.safeParse(given ?? {});
  if (!checked.success)
    throw new RulesError(
      checked.error.issues
        .slice(0, 5)
        .map((issue) => `${whereIn(issue.path)}${issue.message}`)
        .join('; '),
    );
  const { rules = [], latency } = checked.data;
  const number = (value: string | number, at: number): number => {
    if (typeof value === 'number') return value >>> 0;
    const known = /^(0x[0-9a-f]{1,8}|-?\d+)$/i.test(value) ? Number(value) >>> 0 : hresultByName(value);
    if (known === null) throw new RulesError(`rule ${at}: no HRESULT is named ${value}; give its number`);
    return known;
  };
  return {
    rules: rules.map((rule, index): Rule => {
      const at = index + 1;
      const { hresult } = rule;
      const made: Rule = {
        number: at,
        paths: typeof rule.path === 'string' ? [rule.path] : rule.path,
        ignore: rule.ignore === true,
        regex: rule.regex === undefined ? null : regexOf(rule.regex, at),
        tolerance:
          rule.tolerance === undefined
            ? null
            : {
                value: typeof rule.tolerance === 'number' ? rule.tolerance : Number.parseFloat(rule.tolerance) / 100,
                percent: typeof rule.tolerance === 'string',
              },
        timeMs: rule.time === undefined ? null : milliseconds(rule.time),
        unordered: rule.unordered === true,
        hresult: hresult === undefined ? null : changeOf(hresult, (value) => number(value, at)),
        reason: rule.reason ?? null,
      };
      if (
        !made.ignore &&
        made.regex === null &&
        made.tolerance === null &&
        made.timeMs === null &&
        !made.unordered &&
        made.hresult === null
      ) {
        throw new RulesError(
          `rule ${at} (${made.paths.join(', ')}) says nothing: give ignore, regex, tolerance, time, unordered or hresult`,
        );
      }
      return made;
    }),
    latency:
      latency === undefined
        ? null
        : {
            percentiles: (
              [
                ['p50', 50],
                ['p90', 90],
                ['p95', 95],
                ['p99', 99],
                ['max', 100],
              ] as const
            ).flatMap(([name, percentile]) => {
              const value = latency[name];
              return value === undefined
                ? []
                : [{ percentile, share: typeof value === 'number' ? value : Number.parseFloat(value) / 100 }];
            }),
            atLeastNs: latency.atLeast === undefined ? 1e6 : milliseconds(latency.atLeast) * 1e6,
            members: latency.members ?? [],
            calls: latency.calls ?? 1,
          },
  };
}

type Code = string | number;

function changeOf(
  given: Code | { readonly from?: Code | undefined; readonly to: Code },
  number: (value: Code) => number,
): Rule['hresult'] {
  if (typeof given !== 'object') return { from: null, to: number(given) };
  return { from: given.from === undefined ? null : number(given.from), to: number(given.to) };
}

function whereIn(path: readonly PropertyKey[]): string {
  const [list, index, ...rest] = path;
  if (list === 'rules' && typeof index === 'number')
    return `rule ${index + 1}${rest.length === 0 ? '' : `, ${rest.join('.')}`}: `;
  return path.length === 0 ? '' : `${path.join('.')}: `;
}

/** An expression that takes time in proportion to the text, which comes from the network: automata, no backtracking. */
function regexOf(source: string, at: number): Rule['regex'] {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(source));
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const advice = /\(\?<?[=!]|\\[1-9k]/.test(source) ? '; there is no look-around and no back-reference' : '';
    throw new RulesError(
      `rule ${at}: not a regular expression: ${error.message.replace(/^error parsing regexp: /, '')}${advice}`,
    );
  }
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function milliseconds(text: string): number {
  const [, number = '0', unit = 'ms'] = /^([\d.]+)\s*(\S+)$/.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? 1);
}

/** Paths whose rules are remembered. */
const MAX_REMEMBERED = 100_000;
const NONE: readonly Rule[] = Object.freeze([]);

/** Finds the rules for a field, and remembers which were of use. */
export class RuleBook {
  private readonly compiled: readonly { readonly rule: Rule; readonly patterns: readonly RegExp[] }[];
  private readonly remembered = new Map<string, readonly Rule[]>();
  private readonly used = new Set<Rule>();

  constructor(rules: readonly Rule[]) {
    this.compiled = rules.map((rule) => ({ rule, patterns: rule.paths.map(patternOf) }));
  }

  /** Rules of a field, by either of its paths: that of its member, that of its place. */
  of(member: string, place: string): readonly Rule[] {
    if (this.compiled.length === 0) return NONE;
    const key = `${member}\n${place}`;
    const known = this.remembered.get(key);
    if (known !== undefined) return known;
    const found = this.compiled
      .filter(({ patterns }) => patterns.some((pattern) => pattern.test(member) || pattern.test(place)))
      .map(({ rule }) => rule);
    if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
    this.remembered.set(key, found);
    return found;
  }

  /** A rule decided something. */
  use(rule: Rule): void {
    this.used.add(rule);
  }

  /** Rules that never decided anything. */
  get unused(): readonly Rule[] {
    return this.compiled.map(({ rule }) => rule).filter((rule) => !this.used.has(rule));
  }
}

const WILDCARDS: Readonly<Record<string, string>> = { '**': '.*', '*': '[^.[\\]]*' };

/**
 * A path pattern as a regular expression: `*` is any one name or index, `**` any run of them. It matches a path and
 * everything inside it.
 */
export function patternOf(path: string): RegExp {
  const source = path
    .trim()
    .split(/(\*\*|\*)/)
    .map((part) => WILDCARDS[part] ?? part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
    .join('');
  return new RegExp(`^${source}(?:$|[.[(])`, 'u');
}
