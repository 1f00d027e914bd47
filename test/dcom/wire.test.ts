import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dcom } from '../../dissectors/dcom/index.js';
import { ROOT } from '../support/shared.js';

/**
 * Names of [MS-DCOM] that are words of others too: of the call record and of shown references (docs/contract), of
 * [MS-OAUT] and its Invoke, and of views of src/dcom, which name what they read after what it is.
 */
const WORDS: readonly string[] = `
  flags size data id version cid extensions reserved extent std orpcthis orpcthat iid ipid oid oxid riid phr
  mode Mode fileName machineName processId contextId Interfaces ppvObject dwFlags dwHelpContext dwReserved1
  dwReserved2 pReserved iids ipidRemUnknown authnHint
`
  .trim()
  .split(/\s+/);
/** Where a name stands all the same, with the reason. */
const ALLOWED: Readonly<Record<string, string>> = {
  'src/ndr/orpc.ts': 'reads ORPCTHIS by hand, which every call begins with',
  'src/peer/typed-calls.ts': 'fills in ORPCTHIS of every call',
  'src/peer/client/client.ts': 'the version of the object resolver, in the words of the library',
  'src/peer/server/references.ts': 'fills in a STDOBJREF, whose type src/dcom gives',
};

/** Names of the fields of a table's structures and of the parameters of its methods. */
function namesIn(node: unknown, names: Set<string>): Set<string> {
  if (Array.isArray(node)) for (const one of node) namesIn(one, names);
  else if (node !== null && typeof node === 'object') {
    const { fields, params } = node as { readonly fields?: unknown; readonly params?: unknown };
    for (const list of [fields, params])
      if (Array.isArray(list)) for (const one of list as readonly { readonly name: string }[]) names.add(one.name);
    for (const value of Object.values(node)) namesIn(value, names);
  }
  return names;
}

function files(dir: string): string[] {
  if (!existsSync(join(ROOT, dir))) return [];
  return readdirSync(join(ROOT, dir)).flatMap((name) => {
    const path = `${dir}/${name}`;
    if (statSync(join(ROOT, path)).isDirectory()) return files(path);
    return name.endsWith('.ts') ? [path] : [];
  });
}

/** The code of a file, without its comments. */
function code(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '');
}

describe('what the wire calls things', () => {
  const names = [...namesIn([dcom.types, dcom.interfaces], new Set())].filter((name) => !WORDS.includes(name));

  it('is taken from the tables', () => {
    expect(names.length).toBeGreaterThan(80);
    expect(names).toEqual(expect.arrayContaining(['ppQIResults', 'pipidRemUnknown', 'pOxid', 'cAddToSet', 'classId']));
  });

  it('stands in src/dcom and in the tables only', () => {
    const wire = new RegExp(`\\b(?:${names.join('|')})\\b`, 'g');
    const found = [...files('src'), ...files('replay')]
      .filter((path) => !path.startsWith('src/dcom/') && ALLOWED[path] === undefined)
      .flatMap((path) => [...new Set(code(path).match(wire))].map((name) => `${path}: ${name}`));
    expect(found).toEqual([]);
  });
});
