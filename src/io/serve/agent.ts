import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { updateAgent } from '../../../replay/agent/agent.js';
import { readModel, type Model } from '../../../replay/agent/model.js';
import { Exporter } from '../../peer/server/exporter.js';
import type { Registry } from '../../ndr/codec.js';
import type { NtlmPolicy } from '../../security/index.js';
import { random } from '../signing.js';
import { UsageError } from '../streams.js';
import { acceptorOf } from './accept.js';
import { listen, type ListenOptions } from './listener.js';
import { Unsent } from './unsent.js';
import { Tap, type TapOptions } from './tap.js';
import { fileReason } from '../reason.js';

export interface ServeOptions {
  readonly registry: Registry;
  readonly model: Model;
  readonly host: string;
  readonly port: number;
  /** 0 takes one that is free. */
  readonly objectPort: number;
  /** Names and addresses in OBJREFs; the listening address when empty. */
  readonly names: readonly string[];
  /** NT hashes by name in lower case. */
  readonly users: ReadonlyMap<string, { readonly hash: Uint8Array }>;
  readonly minLevel: number;
  /** What NTLM has to offer; `strict` unless told. */
  readonly policy?: NtlmPolicy;
  readonly capture: string | null;
  /** How the file of the capture may be written. */
  readonly tap?: TapOptions;
}

export interface Serving {
  readonly port: number;
  readonly objectPort: number;
  readonly exporter: Exporter;
  close(): Promise<void>;
}

/** Reads a model file, YAML or JSON. @throws UsageError that names the file and the path in it */
export function loadModel(path: string): Model {
  try {
    return readModel(parse(readFileSync(path, 'utf8'), { maxAliasCount: 100 }));
  } catch (error) {
    throw new UsageError(`${path}: ${fileReason(error)}`);
  }
}

/** Starts a simulated update agent: activation on one port, its objects on another. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const tap = options.capture === null ? null : new Tap(options.capture, options.tap);
  const users = new Map([...options.users].map(([user, account]) => [user.replace(/^.*\\/, ''), account]));
  const late: { exporter: Exporter | null } = { exporter: null };
  const ports: ListenOptions = {
    unsent: new Unsent(),
    serves: (abstract) => late.exporter?.serves(abstract) ?? [],
    dispatch: (request) => late.exporter?.dispatch(request) ?? { kind: 'drop', delayMs: 0 },
    accept: acceptorOf({ users, ...(options.policy === undefined ? {} : { policy: options.policy }) }),
  };
  const agent = updateAgent({ model: options.model, attributes: criteriaAttributes, clock: () => Date.now() });
  const ping = { periodMs: options.model.ping.period * 1000, count: options.model.ping.count };
  const objects = await listen(options.host, options.objectPort, ports, tap);
  late.exporter = new Exporter({
    registry: options.registry,
    classes: agent.classes,
    addresses: options.names.length > 0 ? options.names : [options.host],
    port: objects.port,
    random,
    now: () => performance.now(),
    ping,
    inject: agent.inject,
    numbering: options.model.numbering,
    minLevel: options.minLevel,
  });
  const collector = setInterval(() => void late.exporter?.collect(), ping.periodMs).unref();
  try {
    const resolver = await listen(options.host, options.port, ports, tap);
    return {
      port: resolver.port,
      objectPort: objects.port,
      exporter: late.exporter,
      async close() {
        clearInterval(collector);
        await Promise.all([resolver.close(), objects.close()]);
        tap?.close();
      },
    };
  } catch (error) {
    clearInterval(collector);
    await objects.close();
    throw error;
  }
}
