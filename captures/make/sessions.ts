import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { knowledge } from '../../src/io/knowledge.js';
import { loadModel, serve } from '../../src/io/serve/serve.js';
import { ntHash } from '../../src/security/index.js';

/**
 * Makes captures/sessions: impacket's client (test/interop/peers/agent_client.py) against the simulated update agent on port 135, which
 * needs root and Python with test/interop/peers/requirements.txt. What the client sends is encoded by impacket; every run differs in its
 * identifiers and times, so that no test compares bytes.
 */
const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
const python = process.env['UAMGSCOPE_PYTHON'] ?? 'python3';

for (const level of ['integrity', 'privacy']) {
  const serving = await serve({
    registry: knowledge().registry, model: loadModel(join(folder, 'models/sample.yaml')), host: '127.0.0.1', port: 135, objectPort: 49_668, names: [], users: new Map([['alice', { hash: ntHash('secret') }]]), minLevel: 5,
    capture: join(folder, 'sessions', `impacket-${level}.pcapng`),
  });
  const status = await new Promise((resolve) => {
    spawn(python, [join(folder, '../test/interop/peers/agent_client.py'), '127.0.0.1', 'alice', 'secret', level], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 60_000 }).once('close', resolve);
  });
  await serving.close();
  if (status !== 0) throw new Error(`impacket ended with status ${String(status)}`);
}
