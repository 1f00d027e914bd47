/**
 * `npm run load -- --clients 1000 --sessions 20000`: clients at once on an agent in a process of its own, each session
 * signed in on connections of its own; `npm run load -- --pipelined --clients 1000 --calls 10000000 --level none`: calls
 * of one property, many under way on every connection. What it came to, and the agent's memory as time went by. Linux
 * only.
 */
import { parseArgs } from 'node:util';
import { AUTH_LEVELS, type AuthLevel } from '../../src/types.js';
import { load, startAgent, type AgentProcess } from './load.js';
import { pipelined } from './pipelined.js';

/** MiB of heap for the agent: what it does with a thousand clients at once, and little more. */
const HEAP = 256;
const SAMPLES = 10;
/** Addresses that pipelined clients come from: a server lets one have so many connections only. */
const ADDRESSES = 4;
const USAGE = `npm run load -- [--clients N (1 to 2000)] [--sessions N (as many as clients, to 1000000)]
npm run load -- --pipelined [--clients N (1 to 1000)] [--calls N] [--depth N (under way a client)] [--level ${AUTH_LEVELS.join('|')}]
both: [--heap MiB (of the agent)]
`;

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000' },
    sessions: { type: 'string', default: '20000' },
    pipelined: { type: 'boolean', default: false },
    calls: { type: 'string', default: '1000000' },
    depth: { type: 'string', default: '16' },
    level: { type: 'string', default: 'none' },
    heap: { type: 'string', default: String(HEAP) },
  },
});
const number = (text: string, least: number, most: number): number => {
  const read = Number(text);
  if (Number.isInteger(read) && read >= least && read <= most) return read;
  process.stderr.write(USAGE);
  process.exit(2);
};
const heap = number(values.heap, 32, 65_536);
const level = AUTH_LEVELS.find((one) => one === values.level);
if (level === undefined) {
  process.stderr.write(USAGE);
  process.exit(2);
}
/** The agent's memory in MiB, looked at while parts of the work are done. */
class Memory {
  private readonly agent: AgentProcess;
  private readonly parts: number[][] = [];

  constructor(agent: AgentProcess) {
    this.agent = agent;
  }

  /** @param done share of the work, below 1 */
  look(done: number): number {
    const now = Math.round(this.agent.rss());
    (this.parts[Math.min(SAMPLES - 1, Math.floor(done * SAMPLES))] ??= []).push(now);
    return now;
  }

  /** Least and greatest of each tenth. */
  toString(): string {
    return this.parts.map((part) => `${Math.min(...part)}–${Math.max(...part)}`).join(', ');
  }
}

async function pipelinedCalls(at: AuthLevel): Promise<boolean> {
  const clients = number(values.clients, 1, 1000);
  const calls = number(values.calls, clients, 1_000_000_000);
  const depth = number(values.depth, 1, 1024);
  const agent = await startAgent(heap, at === 'none');
  try {
    const memory = new Memory(agent);
    let told = 0;
    const { seconds, sent, answered, wrong, faults, lost, pings } = await pipelined({
      target: agent.target,
      clients,
      calls,
      depth,
      level: at,
      addresses: ADDRESSES,
      progress(done) {
        const mib = memory.look(done / calls);
        if (done < told) return;
        told += calls / SAMPLES / 10;
        process.stderr.write(`${done} of ${calls} calls, agent ${mib} MiB, ${agent.cpu()} s of processor\n`);
      },
    });
    process.stdout.write(
      `${clients} clients at once, level ${at}, ${depth} calls under way of each: ${sent} calls, ${answered} answered, ${wrong} of them wrong, ` +
        `${faults} faults, ${lost.length} connections lost, ${pings.length} pings failed, in ${seconds.toFixed(0)} s; ` +
        `agent ${agent.cpu().toFixed(0)} s of processor (${((agent.cpu() / answered) * 1e6).toFixed(0)} µs a call), MiB by tenths: ${memory.toString()}\n`,
    );
    for (const reason of [...lost, ...pings].slice(0, 5)) process.stdout.write(`${reason}\n`);
    return answered === calls && wrong + faults + lost.length + pings.length === 0;
  } finally {
    await agent.stop();
  }
}

async function sessionsOfClients(): Promise<boolean> {
  const clients = number(values.clients, 1, 2000);
  const sessions = number(values.sessions, clients, 1_000_000);
  const agent = await startAgent(heap);
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
    return errors.length === 0;
  } finally {
    await agent.stop();
  }
}

process.exitCode = (await (values.pipelined ? pipelinedCalls(level) : sessionsOfClients())) ? 0 : 1;
