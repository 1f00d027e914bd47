import { XMLParser } from 'fast-xml-parser';
import { expect } from 'vitest';

interface Element {
  readonly [name: string]: string | Element | readonly (string | Element)[];
}

interface Kind {
  readonly attributes: readonly string[];
  /** Those that have to be there. */
  readonly wanted: readonly string[];
  readonly children: readonly string[];
}

/**
 * Elements that are written, as the schema of the Jenkins xUnit plugin has them (test/interop/junit-xsd.test.ts holds
 * reports to that itself); GitLab reads name, classname and time of
 * every case, and what readers on GitHub show is in these too.
 */
const KINDS: Readonly<Record<string, Kind>> = {
  testsuites: { attributes: ['name', 'time', 'tests', 'failures', 'errors'], wanted: [], children: ['testsuite'] },
  testsuite: {
    attributes: ['name', 'tests', 'failures', 'errors', 'time', 'skipped', 'timestamp', 'hostname', 'id'],
    wanted: ['name', 'tests', 'failures', 'errors'],
    children: ['properties', 'testcase'],
  },
  testcase: {
    attributes: ['name', 'time', 'classname', 'group'],
    wanted: ['name', 'classname', 'time'],
    children: ['failure', 'skipped'],
  },
  failure: { attributes: ['type', 'message'], wanted: ['message'], children: [] },
  skipped: { attributes: ['type', 'message'], wanted: [], children: [] },
  property: { attributes: ['name', 'value'], wanted: ['name', 'value'], children: [] },
  properties: { attributes: [], wanted: [], children: ['property'] },
};
/** Its SUREFIRE_TIME, and what GitLab and the older Jenkins schemas read: seconds to the millisecond. */
const TIME = /^\d{1,3}(\d{3})*\.\d{3}$/;

/** Holds a JUnit report to what Jenkins, GitLab and readers on GitHub take. */
export function holdJunit(xml: string): void {
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@', parseAttributeValue: false });
  const { testsuites } = parser.parse(xml) as { readonly testsuites: Element };
  hold('testsuites', testsuites);
}

function hold(name: string, element: Element): void {
  const kind = KINDS[name];
  const attributes = Object.keys(element).flatMap((key) => (key.startsWith('@') ? [key.slice(1)] : []));
  for (const one of attributes) expect(kind?.attributes, `${name}@${one}`).toContain(one);
  for (const one of kind?.wanted ?? []) expect(attributes, `${name}@${one}`).toContain(one);
  if (element['@time'] !== undefined) expect(element['@time']).toMatch(TIME);
  for (const [key, value] of Object.entries(element)) {
    if (key.startsWith('@') || key === '#text') continue;
    expect(kind?.children, `${name}/${key}`).toContain(key);
    for (const one of (Array.isArray(value) ? value : [value]) as readonly (Element | string)[])
      if (typeof one === 'object') hold(key, one);
  }
}
