// node ci/bundle.mjs: the compiled program in few files (dist/program), because finding, reading and linking 300 modules takes
// longer than decoding a small capture (docs/performance.md). `dist/src/main.js` then starts those; the library stays as compiled.
// Packages stay packages. Maps lead to the compiled modules (`node --enable-source-maps`); they are not published.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const PROGRAM = join(DIST, 'program');
const at = (file) => join(DIST, file);

/** What most commands need, with all it imports: one file. */
const CORE = ['src/cli/cli.js', 'src/cli/commands/decode.js', 'src/io/knowledge.js'].map(at);

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
    external: (id) => !id.startsWith('.') && !id.startsWith(DIST) && !id.startsWith('@oxc-project/') && !id.startsWith('\0'),
    plugins: [places],
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
    codeSplitting: { groups: [{ name: 'core', test: (id) => CORE.includes(id) }] },
  });
  await bundle.close();
}

// The help of the program lists its commands: loading all of them for that took three times as long as the rest of it.
const { commands } = await import('../dist/src/cli/cli.js');
const { outlineOf } = await import('../dist/src/cli/outline.js');
const whole = await commands(undefined, process, () => Promise.reject(new Error('no tables are loaded for the help')), () => undefined);
mkdirSync(PROGRAM, { recursive: true });
writeFileSync(join(PROGRAM, 'commands.json'), JSON.stringify(outlineOf(whole)));
