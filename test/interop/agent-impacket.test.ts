import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { knowledge } from '../../src/io/knowledge.js';
import { loadModel, serve, type Serving } from '../../src/io/serve/serve.js';
import { ntHash } from '../../src/security/index.js';
import { read } from '../security/captures.js';
import { ROOT, without } from '../support/shared.js';

const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';

function ready(): boolean {
  if (spawnSync(python, ['-c', 'import impacket.dcerpc.v5.dcom.oaut'], { stdio: 'ignore', timeout: 120_000 }).status === 0 && process.getuid?.() === 0) return true;
  without('the update agent against impacket', 'Python with test/interop/peers/requirements.txt, and root for port 135');
  return false;
}

const enabled = ready();
const folder = mkdtempSync(join(tmpdir(), 'uamgscope-agent-'));
afterAll(() => rmSync(folder, { recursive: true }));
const model = loadModel(join(ROOT, 'captures/models/sample.yaml'));

async function running(capture: string): Promise<Serving> {
  return serve({ registry: knowledge().registry, model, host: '127.0.0.1', port: 135, objectPort: 0, names: [], users: new Map([['alice', { hash: ntHash('secret') }]]), minLevel: 5, capture });
}

interface Told {
  readonly online: boolean;
  readonly selection: number;
  readonly upgrade: boolean;
  readonly code: number;
  readonly count: number;
  readonly updates: readonly { readonly title: string; readonly severity: string | null; readonly type: number; readonly changed: number; readonly categories: readonly string[]; readonly kb: readonly string[]; readonly bulletins: readonly string[] }[];
}

function client(password: string, level: string): Promise<{ readonly status: number | null; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    const child = spawn(python, [join(ROOT, 'test/interop/peers/agent_client.py'), '127.0.0.1', 'alice', password, level], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.once('close', (status) => resolve({ status, out, err }));
  });
}

describe.skipIf(!enabled)('the update agent, driven by impacket', () => {
  it.each(['integrity', 'privacy'])('late bound at %s: the values are the model\'s, every call has a name, tshark finds nothing malformed', async (level) => {
    const capture = join(folder, `${level}.pcapng`);
    const serving = await running(capture);
    const { out, err } = await client('secret', level).finally(() => serving.close());
    expect(err).toBe('');
    const told = JSON.parse(out) as Told;
    const found = model.updates.filter((one) => !one.installed);
    const superseded = new Set(found.flatMap((one) => one.supersedes));
    const shown = found.filter((one) => !superseded.has(one.id));
    expect(told).toMatchObject({ online: true, selection: 2, upgrade: false, code: 2, count: shown.length });
    expect(told.updates.map((one) => [one.title, one.severity ?? '', one.type, one.kb, one.bulletins, one.categories])).toEqual(shown.slice(0, 4).map((one) => [
      one.title, one.severity ?? '', one.type === 'driver' ? 2 : 1, one.kb, one.bulletins, one.categories.map((id) => model.categories.find((category) => category.id === id)?.name),
    ]));
    const { calls } = await read(capture, { passwords: [{ user: 'alice', password: 'secret' }] });
    const late = calls.filter((call) => call.binding === 'late');
    expect(late.length).toBeGreaterThan(60);
    expect(late.filter((call) => call.method === 'Invoke' || call.certainty === 'guessed')).toEqual([]);
    expect(new Set(calls.map((call) => call.auth.verdict))).toEqual(new Set([level === 'privacy' ? 'opened' : 'good']));
    expect(calls.flatMap((call) => call.problems)).toEqual([]);
    const malformed = spawnSync('tshark', ['-r', capture, '-Y', '_ws.malformed'], { encoding: 'utf8' });
    if (malformed.error === undefined) expect(malformed.stdout).toBe('');
    else without('tshark on the agent\'s traffic', 'tshark');
    process.stderr.write(`impacket at ${level}: ${calls.length} calls, ${late.length} late bound, all named and ${level === 'privacy' ? 'opened' : 'good'}\n`);
  }, 90_000);

  it('refuses another password', async () => {
    const serving = await running(join(folder, 'refused.pcapng'));
    const { status, err } = await client('wrong', 'privacy').finally(() => serving.close());
    expect(status).not.toBe(0);
    expect(err).toContain('access_denied');
  }, 90_000);
});
