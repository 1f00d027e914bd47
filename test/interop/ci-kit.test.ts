import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../support/shared.js';

const folder = mkdtempSync(join(tmpdir(), 'uamgscope-ci-'));
const example = join(ROOT, 'docs/examples/regression');
/** The build stage of the image: the files of the repository, built by the steps of the container file. */
const built = join(folder, 'src');
const LIMIT = 280_000;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sh(command: string, cwd: string, env: Readonly<Record<string, string>> = {}) {
  const { PATH = '', HOME = '' } = process.env;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd,
    env: { PATH, HOME, ...env },
    encoding: 'utf8',
    timeout: 240_000,
  });
  return { status, out: stdout, err: stderr };
}

/** Instructions of the container file, by stage. */
const stages: (readonly [string, string])[][] = [];
for (const line of readFileSync(join(ROOT, 'ci/Containerfile'), 'utf8').split('\n')) {
  const [, word = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
  if (word === 'FROM') stages.push([]);
  if (word !== '') stages.at(-1)?.push([word, rest]);
}

beforeAll(() => {
  mkdirSync(built);
  for (const name of sh('git ls-files --cached --others --exclude-standard', ROOT).out.trim().split('\n')) {
    mkdirSync(dirname(join(built, name)), { recursive: true });
    cpSync(join(ROOT, name), join(built, name));
  }
  for (const [word, command] of stages[0] ?? []) {
    if (word !== 'RUN') continue;
    const { status, err } = sh(command, built);
    if (status === 0) continue;
    if (!/npm (ci|prune)/.test(command)) throw new Error(`${command}: ${err}`);
    console.log(`skipped "${command}", the modules of this folder instead: ${err.trim().split('\n')[0]}`);
    cpSync(join(ROOT, 'node_modules'), join(built, 'node_modules'), { recursive: true });
  }
}, LIMIT);

describe('the container file', () => {
  it(
    'lays out a program that runs with what the image holds alone',
    () => {
      const root = join(folder, 'image');
      const home = join(root, 'opt/uamgscope');
      for (const [word, rest] of stages[1] ?? []) {
        const [from = '', to = ''] = rest.replace('--from=build ', '').split(' ');
        if (word === 'COPY') {
          const source = from.replace('/src/', `${built}/`);
          const target = join(home, to, to.endsWith('/') ? (from.split('/').at(-1) ?? '') : '');
          mkdirSync(dirname(target), { recursive: true });
          cpSync(source, target, { recursive: true });
        } else if (word === 'RUN') {
          mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
          const moved = rest.replaceAll('/opt/', `${root}/opt/`).replaceAll('/usr/local/', `${root}/usr/local/`);
          expect(sh(moved, home)).toMatchObject({ status: 0 });
        }
      }
      const program = join(root, 'usr/local/bin/uamgscope');
      expect(sh(`${program} --version`, folder)).toMatchObject({
        status: 0,
        out: expect.stringMatching(/^(uamgscope )?\d/),
      });
      const checked = sh('./check.sh', example, { UAMGSCOPE: program });
      expect([checked.status, checked.out]).toEqual([0, readFileSync(join(example, 'expected.txt'), 'utf8')]);
    },
    LIMIT,
  );
});

describe('the worked example', () => {
  it.each([
    ['model.yaml', 'expected.txt', 0],
    ['model-next.yaml', 'expected-next.txt', 1],
  ])(
    'comes to what it says: %s',
    (model, expected, status) => {
      const run = sh(`./check.sh ${model}`, example, { UAMGSCOPE: `node ${built}/dist/src/main.js` });
      expect(run).toEqual({ status, out: readFileSync(join(example, expected), 'utf8'), err: '' });
    },
    LIMIT,
  );
});

describe('the action', () => {
  interface Action {
    readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
    readonly outputs: Readonly<Record<string, unknown>>;
    readonly runs: {
      readonly using: string;
      readonly steps: readonly {
        readonly id?: string;
        readonly run?: string;
        readonly env?: Readonly<Record<string, string>>;
      }[];
    };
  }
  const action = parse(readFileSync(join(ROOT, 'ci/action/action.yml'), 'utf8')) as Action;
  const step = action.runs.steps.find(({ id }) => id === 'test');

  /** Runs the step as a runner does: inputs put in their places in its environment. */
  function play(inputs: Readonly<Record<string, string>>) {
    const [output, summary] = [join(folder, 'output'), join(folder, 'summary')];
    for (const path of [output, summary]) writeFileSync(path, '');
    const env = Object.entries(step?.env ?? {}).map(([name, value]) => [
      name,
      value.replace(
        /\$\{\{ inputs\.(\w+) \}\}/g,
        (_, input: string) => inputs[input] ?? action.inputs[input]?.default ?? '',
      ),
    ]);
    const ran = sh(step?.run ?? 'false', example, {
      ...(Object.fromEntries(env) as Record<string, string>),
      GITHUB_ACTION_PATH: join(built, 'ci/action'),
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
    });
    return { ...ran, output: readFileSync(output, 'utf8'), summary: readFileSync(summary, 'utf8') };
  }
  const inputs = { recordings: 'recordings', user: 'tester', password: 'tester:secret' };
  const server = (model: string) =>
    `exec uamgscope serve --model ${model} --listen 127.0.0.1:0 --password tester:secret`;

  it('hands every input to its script', () => {
    expect(action.runs.using).toBe('composite');
    const used = Object.values(step?.env ?? {}).join(' ');
    expect(Object.keys(action.inputs).filter((name) => !used.includes(`inputs.${name} `))).toEqual([]);
  });

  it(
    'passes, and tells the verdict',
    () => {
      const junit = join(folder, 'results.xml');
      const ran = play({ ...inputs, server: server('model.yaml'), junit, arguments: '--jobs 2 --retries 0' });
      expect([ran.status, ran.err, ran.output]).toEqual([0, '', 'verdict=2 recordings: 2 passed\nstatus=0\n']);
      expect(readFileSync(junit, 'utf8').match(/<testsuite /g)).toHaveLength(2);
    },
    LIMIT,
  );

  it(
    'fails with an annotation and a summary, and with what cannot be played',
    () => {
      const ran = play({ ...inputs, server: server('model-next.yaml') });
      expect([ran.status, ran.output]).toEqual([1, 'verdict=2 recordings: 1 passed, 1 failed\nstatus=1\n']);
      expect(ran.out).toMatch(/^::error file=recordings\/severities.txt,title=failed::9 calls: 8 alike/m);
      expect(ran.summary).toContain(
        '### uamgscope: 2 recordings: 1 passed, 1 failed\n\n    passed recordings/services.txt',
      );
      expect(ran.summary).not.toContain('::error');
      expect(play({ ...inputs, recordings: '$(touch pwned)', server: 'true' })).toMatchObject({ status: 2 });
      // A server that ends at once is not waited for: it would have had a minute for each recording.
      const began = Date.now();
      expect(play({ ...inputs, server: 'exit 3' }).output).toContain('status=2');
      expect(Date.now() - began).toBeLessThan(50_000);
    },
    LIMIT,
  );
});
