import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeWellKnown, type WellKnownClass, type WellKnownInterface } from '../table.js';
import { CLASSES } from './classes.js';
import { classesIn, interfacesIn } from './extract.js';

/**
 * Makes dissectors/wellknown/names.txt from a folder of specifications, one folder each with a Markdown file of its
 * name: `npx tsx dissectors/wellknown/make/all.ts FOLDER`. Only facts are kept: identifiers, names, numbers.
 */
function specifications(folder: string): readonly { readonly name: string; readonly text: string }[] {
  return readdirSync(folder)
    .toSorted()
    .flatMap((name) => {
      const path = join(folder, name, `${name}.md`);
      return existsSync(path) ? [{ name, text: readFileSync(path, 'utf8') }] : [];
    });
}

/** Where specifications share an interface, the one that declares most of it; the first of equals. */
function richest(all: readonly WellKnownInterface[]): readonly WellKnownInterface[] {
  const byUuid = new Map<string, WellKnownInterface>();
  for (const one of all) {
    const before = byUuid.get(one.uuid);
    if (before === undefined || before.methods.length < one.methods.length) byUuid.set(one.uuid, one);
  }
  return [...byUuid.values()].toSorted((a, b) => (a.uuid < b.uuid ? -1 : 1));
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('give the folder of the specifications');
const read = specifications(folder);
const interfaces = richest(read.flatMap(({ name, text }) => interfacesIn(name, text)));
const classes = new Map<string, WellKnownClass>(CLASSES.map((one) => [one.clsid, one]));
for (const one of read.flatMap(({ name, text }) => classesIn(name, text)))
  if (!classes.has(one.clsid)) classes.set(one.clsid, one);
const sorted = [...classes.values()].toSorted((a, b) => (a.clsid < b.clsid ? -1 : 1));
writeFileSync(fileURLToPath(new URL('../names.txt', import.meta.url)), writeWellKnown({ interfaces, classes: sorted }));
