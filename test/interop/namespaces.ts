import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN } from './terminal.js';

/** A host of its own: a network namespace with one interface. */
export interface Host {
  readonly namespace: string;
  readonly link: string;
  readonly address: string;
}

/** A program in a namespace, with what it said so far. */
export interface Started {
  readonly child: ChildProcess;
  readonly texts: { out: string; err: string };
  readonly ended: Promise<number | null>;
}

export function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Two hosts with a cable between them, in namespaces whose names nobody else has; both need root. */
export class TwoHosts {
  readonly server: Host;
  readonly client: Host;
  private readonly children: ChildProcess[] = [];

  /** @param net first three bytes of their addresses, e.g. `10.77.0` */
  constructor(name: string, net: string) {
    // Names of interfaces have at most 15 characters.
    const id = `${name}${process.pid.toString(36)}`;
    this.server = { namespace: `uam-s-${id}`, link: `us${id}`, address: `${net}.2` };
    this.client = { namespace: `uam-c-${id}`, link: `uc${id}`, address: `${net}.1` };
  }

  /** Makes the namespaces; why that cannot be done here, or null. */
  make(): string | null {
    if (process.getuid?.() !== 0) return 'network namespaces need root';
    const made = spawnSync('ip', ['netns', 'add', this.server.namespace], { encoding: 'utf8' });
    if (made.status !== 0) return `ip netns add: ${made.error?.message ?? made.stderr.trim()}`;
    ip('netns', 'add', this.client.namespace);
    return null;
  }

  connect(): void {
    const { server, client } = this;
    const peer = ['peer', 'name', client.link, 'netns', client.namespace];
    ip('link', 'add', server.link, 'netns', server.namespace, 'type', 'veth', ...peer);
    for (const { namespace, link, address } of [server, client]) {
      ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', link);
      ip('-n', namespace, 'link', 'set', link, 'up');
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
    }
  }

  /** Starts a program in the namespace of a host. */
  run({ namespace }: Host, command: string, args: readonly string[]): Started {
    const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.push(child);
    const texts = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      texts.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      texts.err += text;
    });
    const ended = new Promise<number | null>((resolve) => {
      child.once('close', resolve);
    });
    return { child, texts, ended };
  }

  /** Starts this program in the namespace of a host. */
  start(host: Host, args: readonly string[]): Started {
    return this.run(host, process.execPath, [MAIN, ...args]);
  }

  /** Ends what was started. */
  stop(): void {
    for (const child of this.children.splice(0)) child.kill('SIGKILL');
  }

  remove(): void {
    this.stop();
    for (const { namespace } of [this.server, this.client]) spawnSync('ip', ['netns', 'delete', namespace]);
  }
}

/** Waits until something holds; @throws when it does not within half a minute. */
export async function until(holds: () => boolean, what: () => string): Promise<void> {
  for (let at = 0; at < 600; at++) {
    if (holds()) return;
    await sleep(50);
  }
  throw new Error(`it never came to this: ${what()}`);
}
