// node ci/licences.mjs: the packages that come with uamgscope, by licence, from the lock file. Exit status 1 where one has a
// licence that is not among those below, or none.
import { readFileSync } from 'node:fs';

/** Licences whose only condition is that their text goes along. */
const FREE = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0', 'BlueOak-1.0.0'];
/** Packages whose package.json says none, and what their LICENSE file is. */
const STATED = { cap: 'MIT' };

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
const byLicence = new Map();
for (const [path, { version, license, dev, optional, devOptional }] of Object.entries(packages)) {
  if (path === '' || dev === true) continue;
  const name = path.replace(/^.*node_modules\//, '');
  const licence = license ?? STATED[name] ?? 'none';
  const list = byLicence.get(licence) ?? [];
  list.push(`${name} ${version}${optional === true || devOptional === true ? ' (optional)' : ''}`);
  byLicence.set(licence, list);
}
for (const [licence, names] of [...byLicence].sort()) process.stdout.write(`${licence}: ${names.join(', ')}\n`);
const others = [...byLicence.keys()].filter((licence) => !FREE.includes(licence));
if (others.length > 0) process.stderr.write(`not among ${FREE.join(', ')}: ${others.join(', ')}\n`);
process.exitCode = others.length === 0 ? 0 : 1;
