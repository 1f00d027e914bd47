import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { interfacesIn } from '../../dissectors/wellknown/make/extract.js';
import { readWellKnown, WellKnownTable } from '../../dissectors/wellknown/table.js';
import { ROOT, without } from '../support/shared.js';

/** Folder of the specifications, one folder each with a Markdown file of its name. */
const FOLDER = process.env['UAMGSCOPE_SPECIFICATIONS'] ?? '';
const table = new WellKnownTable(readWellKnown(readFileSync(join(ROOT, 'dissectors/wellknown/names.txt'), 'utf8')));

/** Numbers of methods in headings that contradict the IDL of the same specification, or that several methods share. */
const CONTRADICTED: readonly string[] = [
  // Names that several interfaces have, of which headings give some.
  'IFsrmProperty',
  'IFsrmPropertyDefinition2',
  'IFsrmPropertyDefinitionValue',
  'IFsrmQuotaTemplateImported',
  'IFsrmFileManagementJobManager',
  'IVdsDisk3',
  'IEnumConnectionPoints',
  'IEnumConnections',
  'IMSMQQuery',
  'IMSMQQuery2',
  'IMSMQMessage',
  'IMSMQMessage2',
  'IMSMQQueue',
  'IClusterLogEx3',
  // Its IDL leaves opnum 90 out, its headings do not.
  'RemoteFW',
];

if (FOLDER === '') without('well-known names against the specifications', 'UAMGSCOPE_SPECIFICATIONS');

describe.skipIf(FOLDER === '')('well-known names against the specifications', () => {
  const texts = new Map<string, string>();
  const textOf = (spec: string): string => {
    const path = join(FOLDER, spec, `${spec}.md`);
    const text = texts.get(spec) ?? (existsSync(path) ? readFileSync(path, 'utf8') : '');
    texts.set(spec, text);
    return text;
  };

  it('every interface is declared in the IDL of its specification, with these methods', () => {
    for (const one of table.interfaces) {
      const declared = interfacesIn(one.spec, textOf(one.spec)).filter(({ uuid }) => uuid === one.uuid);
      expect(declared.map(({ name }) => name)).toContain(one.name);
      expect(Math.max(...declared.map(({ methods }) => methods.length))).toBe(one.methods.length);
    }
  });

  it('every opnum is the one that the headings of the specification give', () => {
    let alike = 0;
    const differ: string[] = [];
    for (const one of table.interfaces) {
      // [MS-UAMG] prints its numbers one too high; docs/wire-notes.md.
      if (one.spec === 'MS-UAMG' || CONTRADICTED.includes(one.name)) continue;
      const all = table.methods(one.uuid);
      for (const [opnum, name] of all.entries()) {
        if (opnum < all.length - one.methods.length || !/^\w+$/.test(name)) continue;
        const heading = new RegExp(`^#+ [^\\n]*?\\b${name}\\b[^\\n]*?\\(Opnum (\\d+)\\)`, 'gmi');
        const given = [...textOf(one.spec).matchAll(heading)].map((match) => Number(match[1]));
        if (given.includes(opnum)) alike++;
        else if (given.length > 0)
          differ.push(`${one.spec} ${one.name}::${name}: ${opnum}, headings ${given.join(' ')}`);
      }
    }
    expect(differ).toEqual([]);
    expect(alike).toBeGreaterThan(3400);
  }, 120_000);
});

const tshark = spawnSync('tshark', ['-G', 'values'], { encoding: 'utf8', maxBuffer: 1 << 28 });
if (tshark.status !== 0) without('well-known names against tshark', 'tshark');

describe.skipIf(tshark.status !== 0)('well-known names against tshark', () => {
  /** Our interface, tshark's protocol, and what is left out of our names to compare. */
  const SAME: readonly (readonly [uuid: string, protocol: string, prefix: RegExp])[] = [
    ['12345778-1234-abcd-ef00-0123456789ac', 'samr', /^Samr/],
    ['367abb81-9844-35f1-ad32-98f038001003', 'svcctl', /^R/],
    ['4b324fc8-1670-01d3-1278-5a47bf6ee188', 'srvsvc', /^Netr/],
    ['338cd001-2244-31f1-aaaa-900038001003', 'winreg', /^Base/],
    ['12345778-1234-abcd-ef00-0123456789ab', 'lsarpc', /^Lsar/],
  ];

  it.each(SAME)('%s, %s: the numbers of methods', (uuid, protocol, prefix) => {
    const theirs = new Map<number, string>();
    for (const line of tshark.stdout.split('\n')) {
      const [kind, field, value, name = ''] = line.split('\t');
      if (kind === 'V' && field === `${protocol}.opnum`) theirs.set(Number(value), plain(name));
    }
    const ours = table.methods(uuid).map((name) => (/^\w+$/.test(name) ? plain(name.replace(prefix, '')) : ''));
    // tshark abbreviates other words than the specifications: of all shifts none fits as well as none.
    const fit = (shift: number): number =>
      ours.reduce((sum, name, opnum) => sum + likeness(name, theirs.get(opnum + shift) ?? ''), 0);
    const shifts = [-3, -2, -1, 0, 1, 2, 3].toSorted((one, other) => fit(other) - fit(one));
    expect(theirs.size).toBeGreaterThan(20);
    expect(shifts[0]).toBe(0);
    expect(fit(0)).toBeGreaterThan(2 * fit(shifts[1] ?? 0));
  });
});

const plain = (name: string): string =>
  name
    .replace(/[^a-z0-9]/gi, '')
    .toLowerCase()
    .replace(/^(?:lsa|net|sam)/, '');

/** Share of pairs of letters that two names have in common (Dice). */
function likeness(one: string, other: string): number {
  if (one.length < 2 || other.length < 2) return 0;
  const pairs = (name: string): Set<string> =>
    new Set(Array.from({ length: name.length - 1 }, (_, at) => name.slice(at, at + 2)));
  const [a, b] = [pairs(one), pairs(other)];
  return (2 * [...a].filter((pair) => b.has(pair)).length) / (a.size + b.size);
}
