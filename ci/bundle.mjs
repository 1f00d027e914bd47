// node ci/bundle.mjs: the compiled program in few files (dist/program), because finding, reading and linking 300 modules takes
// longer than decoding a small capture (docs/performance.md). `dist/src/main.js` then starts those; the library stays as compiled.
// Packages stay packages. Maps lead to the compiled modules (`node --enable-source-maps`); they are not published.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const PROGRAM = join(DIST, 'program');
const at = (file) => join(DIST, file);

/** What every command needs, and what a question to tables that are kept does: it reads no capture. */
const START = ['src/cli/cli.js', 'src/cli/commands/query.js'].map(at);
/** What most commands need, with all it imports: one file. */
const CORE = ['src/cli/commands/decode.js', 'src/io/knowledge.js'].map(at);

/** The program, and the modules that it starts as threads. */
function entries() {
  const found = { 'src/main': at('src/main.js') };
  for (const path of modules(at('src')))
    for (const [, name] of readFileSync(path, 'utf8').matchAll(/\bthreadOf\('(\.[^']+)', import\.meta\.url/g)) {
      const file = resolve(dirname(path), name);
      found[relative(DIST, file)] = `${file}.js`;
    }
  return found;
}

function modules(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && one.name.endsWith('.js'))
    .map((one) => join(one.parentPath ?? one.path, one.name));
}

/** A module that asks where it is learns where it was before it was put together with others. */
const places = {
  name: 'places',
  transform(code, id) {
    if (!id.startsWith(DIST) || !code.includes('import.meta.url')) return null;
    const from = JSON.stringify(relative(PROGRAM, id).replaceAll('\\', '/'));
    return { code: code.replaceAll('import.meta.url', `new URL(${from}, import.meta.url).href`), map: null };
  },
};

/** Packages in CommonJS that a start loads: required, because to import them the loader parses them for their names first. */
const REQUIRED = ['commander', 'js-md4'];
const required = {
  name: 'required',
  resolveId: (id) => (REQUIRED.includes(id) ? `\0required:${id}` : null),
  load(id) {
    const name = id.startsWith('\0required:') ? id.slice('\0required:'.length) : null;
    if (name === null) return null;
    const exported = createRequire(import.meta.url)(name);
    const names = Object.keys(exported).filter((one) => /^[A-Z]\w*$/i.test(one) && one !== 'default');
    return [
      "import { createRequire } from 'node:module';",
      `const it = createRequire(import.meta.url)('${name}');`,
      'export default it;',
      ...names.map((one) => `export const ${one} = it.${one};`),
    ].join('\n');
  },
};

/** Tables of nothing but numbers and texts: reading them as JSON takes a part of what literals take. */
const PLAIN = /dissectors.errors.(win32|hresults|windows-update|installing|nca|ntstatus)\.js$/;
const tables = {
  name: 'tables',
  async transform(_, id) {
    if (!id.startsWith(DIST) || !PLAIN.test(id)) return null;
    const rows = Object.entries(await import(pathToFileURL(id).href));
    const lines = rows.map(([name, table]) => `export const ${name} = JSON.parse(${JSON.stringify(JSON.stringify(table))});`);
    return { code: lines.join('\n'), map: null };
  },
};

/**
 * Escapes what is beyond ASCII, which stands in texts and patterns only: for one letter of another script the engine keeps
 * and scans all of a file in two bytes a letter. A map is off by what that adds, behind such a letter in its line.
 */
function escape(file) {
  const code = readFileSync(file, 'utf8');
  const unit = (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(file, code.replaceAll(/[\u0080-\uffff]/g, unit));
}

const rolldown = await import('rolldown').catch((error) => {
  // The bundler wants Node 20.19; the program runs on 20.12, module by module.
  process.stderr.write(`not bundled, so that every start takes longer: ${error.message.split('\n')[0].slice(0, 80)}\n`);
  return null;
});
rmSync(PROGRAM, { recursive: true, force: true });
if (rolldown !== null) {
  const bundle = await rolldown.rolldown({
    input: entries(),
    platform: 'node',
    // Not the helpers of the bundler itself.
    external: (id) => !REQUIRED.includes(id) && !id.startsWith('.') && !id.startsWith(DIST) && !id.startsWith('@oxc-project/') && !id.startsWith('\0'),
    plugins: [required, places, tables],
    // What a thread imports at once is in the core, whoever asks for it later.
    checks: { ineffectiveDynamicImport: false },
  });
  await bundle.write({
    dir: DIST,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'program/[name].js',
    comments: false,
    sourcemap: true,
    codeSplitting: {
      groups: [
        { name: 'start', test: (id) => START.includes(id), priority: 1 },
        { name: 'core', test: (id) => CORE.includes(id) },
      ],
    },
  });
  await bundle.close();
  for (const name of readdirSync(PROGRAM)) if (name.endsWith('.js')) escape(join(PROGRAM, name));
}

// The help of the program lists its commands: loading all of them for that took three times as long as the rest of it.
const { commands } = await import('../dist/src/cli/cli.js');
const { outlineOf } = await import('../dist/src/cli/outline.js');
const whole = await commands(undefined, process, () => Promise.reject(new Error('no tables are loaded for the help')), () => undefined);
mkdirSync(PROGRAM, { recursive: true });
writeFileSync(join(PROGRAM, 'commands.json'), JSON.stringify(outlineOf(whole)));
