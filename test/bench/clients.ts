/**
 * `npm run load -- --clients 1000 --sessions 20000`: clients at once on an agent in a process of its own, each session
 * signed in on connections of its own; what it came to, and the agent's memory as time went by.
 */
import { parseArgs } from 'node:util';
import { load, startAgent } from './load.js';

/** MiB of heap for the agent: what it does with a thousand clients at once, and little more. */
const HEAP = 256;
const SAMPLES = 10;

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '1000' }, sessions: { type: 'string', default: '20000' } },
});
const [clients, sessions] = [values.clients, values.sessions].map(Number) as [number, number];
if (!(clients >= 1 && clients <= 2000 && sessions >= clients && sessions <= 1_000_000)) {
  process.stderr.write('npm run load -- [--clients N (1 to 2000)] [--sessions N (as many as clients, to 1000000)]\n');
  process.exit(2);
}
const agent = await startAgent(HEAP);
try {
  const step = Math.max(1, Math.floor(sessions / SAMPLES));
  const memory: string[] = [];
  const result = await load({
    target: agent.target,
    sessions,
    atOnce: clients,
    // A thousand clients of one process wait for one another.
    timeoutMs: 600_000,
    progress(over) {
      if (over % step !== 0) return;
      memory.push(String(Math.round(agent.rss())));
      process.stderr.write(`${over} of ${sessions} sessions, agent ${memory.at(-1)} MiB\n`);
    },
  });
  const { seconds, calls, errors, sessionMs } = result;
  const at = (share: number): string => (sessionMs[Math.floor(share * (sessionMs.length - 1))] ?? 0).toFixed(0);
  process.stdout.write(
    `${clients} clients at once, ${sessions} sessions, ${calls} calls in ${seconds.toFixed(0)} s (${Math.round(calls / seconds)}/s); ` +
      `${errors.length} sessions failed; a session ${at(0.5)} ms (p50), ${at(0.99)} ms (p99); ` +
      `agent ${agent.cpu().toFixed(0)} s of processor, MiB by tenths: ${memory.join(', ')}\n`,
  );
  for (const error of errors.slice(0, 5)) process.stdout.write(`${error}\n`);
  process.exitCode = errors.length === 0 ? 0 : 1;
} finally {
  await agent.stop();
}
