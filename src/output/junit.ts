import { XMLBuilder } from 'fast-xml-parser';

/** One test case of a report. */
export interface JunitCase {
  readonly name: string;
  /** What it belongs to, e.g. an interface. */
  readonly classname: string;
  readonly timeS: number;
  /** What went wrong, or null; its message stands in one line. */
  readonly failure: { readonly type: string; readonly message: string; readonly text: string } | null;
  /** Why it was not run, or null. */
  readonly skipped: string | null;
}

/** A group of cases, with what they were run on. */
export interface JunitSuite {
  readonly name: string;
  readonly timestamp: string | null;
  readonly properties: Readonly<Record<string, string>>;
  readonly cases: readonly JunitCase[];
}

/** Characters of one text of a report. */
export const MAX_JUNIT_TEXT = 65_536;
// What XML 1.0 cannot hold (section 2.2): controls but tab and line ends, lone surrogates, U+FFFE and U+FFFF. C1
// controls are dropped too: readers choke on them.
// oxlint-disable-next-line no-control-regex, no-misleading-character-class -- they are what is looked for
const FORBIDDEN =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function clean(text: string): string {
  const kept = text.replace(FORBIDDEN, '');
  return kept.length <= MAX_JUNIT_TEXT ? kept : `${kept.slice(0, MAX_JUNIT_TEXT - 1).replace(FORBIDDEN, '')}…`;
}

/**
 * A JUnit report as XML, in the form that the common CI systems read: that of the Jenkins xUnit plugin's schema, which
 * knows no `skipped` of all suites and times of at most three decimals. Control characters and what else XML cannot
 * hold are removed.
 */
export function junitXml(suites: readonly JunitSuite[]): string {
  const builder = new XMLBuilder({
    ignoreAttributes: false,
    attributeNamePrefix: '@',
    format: true,
    suppressEmptyNode: true,
    textNodeName: '#text',
    processEntities: true,
  });
  const total = (count: (one: JunitCase) => boolean): number =>
    suites.reduce((sum, suite) => sum + suite.cases.filter(count).length, 0);
  return builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: {
      '@name': 'uamgscope',
      '@tests': total(() => true),
      '@failures': total((one) => one.failure !== null),
      '@errors': 0,
      '@time': seconds(suites.flatMap((suite) => suite.cases)),
      testsuite: suites.map(suiteOf),
    },
  }) as string;
}

function suiteOf({ name, timestamp, properties, cases }: JunitSuite): Record<string, unknown> {
  const entries = Object.entries(properties);
  return {
    '@name': clean(name),
    '@tests': cases.length,
    '@failures': cases.filter((one) => one.failure !== null).length,
    '@errors': 0,
    '@skipped': cases.filter((one) => one.skipped !== null).length,
    '@time': seconds(cases),
    ...(timestamp === null ? {} : { '@timestamp': timestamp }),
    ...(entries.length === 0
      ? {}
      : { properties: { property: entries.map(([key, value]) => ({ '@name': clean(key), '@value': clean(value) })) } }),
    testcase: cases.map((one) => ({
      '@name': clean(one.name),
      '@classname': clean(one.classname),
      '@time': one.timeS.toFixed(3),
      ...(one.failure === null
        ? {}
        : {
            failure: {
              '@type': clean(one.failure.type),
              '@message': clean(one.failure.message.replace(/\s+/g, ' ')),
              '#text': clean(one.failure.text),
            },
          }),
      ...(one.skipped === null ? {} : { skipped: { '@message': clean(one.skipped) } }),
    })),
  };
}

function seconds(cases: readonly JunitCase[]): string {
  return cases.reduce((sum, one) => sum + one.timeS, 0).toFixed(3);
}
