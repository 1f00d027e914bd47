import { parse } from 'yaml';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { ERROR_SOURCE, updateAgent } from '../../../replay/agent/agent.js';
import { AgentClock, type ClockSetting } from '../../../replay/agent/clock.js';
import { readModel, type Model } from '../../../replay/agent/model.js';
import { readScenario, type Scenario } from '../../../replay/agent/scenario.js';
import { AgentState } from '../../../replay/agent/state.js';
import { Exporter } from '../../peer/server/exporter.js';
import type { Registry } from '../../ndr/codec.js';
import type { NtlmPolicy } from '../../security/index.js';
import type { KeytabEntry } from '../../security/kerberos/keytab.js';
import { random } from '../signing.js';
import { UsageError } from '../streams.js';
import { aliasesOf } from '../../../replay/agent/users.js';
import { acceptorOf, realmsOf } from './accept.js';
import { listen, type ListenOptions } from './listener.js';
import { serverBudget } from '../../peer/budget.js';
import { Tap, type TapOptions } from '../tap.js';
import { fileReason } from '../reason.js';
import type { TurnedAway } from './admission.js';
import { readSmallFile } from '../small-file.js';

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
  /** What NTLM has to offer; `strict` unless told, null: there is none. */
  readonly policy?: NtlmPolicy | null;
  /** Keys of the services whose Kerberos tickets are taken. */
  readonly keytab?: readonly KeytabEntry[];
  readonly capture: string | null;
  /** How the file of the capture may be written. */
  readonly tap?: TapOptions;
  /** What happens while it serves. */
  readonly scenario?: Scenario | null;
  /** Where its time begins and how fast it goes; as the scenario begins, or now, where left out. */
  readonly clock?: ClockSetting | null;
  /** Is told what happens in the scenario, a line each. */
  readonly tell?: (line: string) => void;
  /** Hears of connections that are not taken, or not kept. */
  readonly turnedAway?: (why: TurnedAway, address: string) => void;
}

export interface Serving {
  readonly port: number;
  readonly objectPort: number;
  readonly exporter: Exporter;
  readonly clock: AgentClock;
  close(): Promise<void>;
}

/** How often what happened is told; members see it at once. */
const NEWS_MS = 200;

/**
 * Reads a model file, YAML or JSON, as an agent of that profile has it; of its own where null. @throws UsageError that
 * names the file and the path in it
 */
export function loadModel(path: string, profile: string | null = null): Model {
  try {
    const model = readModel(parse(readSmallFile(path).toString('utf8'), { maxAliasCount: 100, logLevel: 'error' }));
    return profile === null ? model : { ...model, profile };
  } catch (error) {
    throw new UsageError(`${path}: ${fileReason(error)}`);
  }
}

/** Reads a scenario of a model, and plays it once. @throws UsageError that names the file and the step in it */
export function loadScenario(path: string, model: Model): Scenario {
  try {
    const scenario = readScenario(
      parse(readSmallFile(path).toString('utf8'), { maxAliasCount: 100, logLevel: 'error' }),
    );
    AgentState.rehearse(model, scenario);
    return scenario;
  } catch (error) {
    throw new UsageError(`${path}: ${fileReason(error)}`);
  }
}

/** Starts a simulated update agent: activation on one port, its objects on another. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const tap = options.capture === null ? null : new Tap(options.capture, options.tap);
  try {
    return await tapped(options, tap);
  } catch (error) {
    tap?.discard();
    throw error;
  }
}

async function tapped(options: ServeOptions, tap: Tap | null): Promise<Serving> {
  const users = new Map([...options.users].map(([user, account]) => [user.replace(/^.*\\/, ''), account]));
  const late: { exporter: Exporter | null } = { exporter: null };
  const ports: ListenOptions = {
    budget: serverBudget(),
    ...(options.turnedAway === undefined ? {} : { turnedAway: options.turnedAway }),
    serves: (abstract) => late.exporter?.serves(abstract) ?? [],
    dispatch: (request) => late.exporter?.dispatch(request) ?? { kind: 'drop', delayMs: 0 },
    accept: acceptorOf({
      users,
      policy: options.policy === undefined ? 'strict' : options.policy,
      keytab: options.keytab ?? [],
      aliases: aliasesOf(options.model.users),
    }),
  };
  const { model, scenario = null, tell } = options;
  const start = options.clock?.startMs ?? scenario?.beginsMs ?? Date.now();
  const clock = new AgentClock(start, options.clock?.speed ?? 1, () => performance.now());
  const realms = realmsOf(options.keytab ?? []);
  const agent = updateAgent({ model, attributes: criteriaAttributes, clock: () => clock.now(), scenario, realms });
  const ping = { periodMs: model.ping.period * 1000, count: model.ping.count };
  const objects = await listen(options.host, options.objectPort, ports, tap);
  late.exporter = new Exporter({
    registry: options.registry,
    classes: agent.classes,
    addresses: options.names.length > 0 ? options.names : [options.host],
    port: objects.port,
    random,
    now: () => performance.now(),
    ping,
    source: ERROR_SOURCE,
    inject: agent.inject,
    numbering: model.numbering,
    minLevel: options.minLevel,
  });
  const timers = [setInterval(() => void late.exporter?.collect(), ping.periodMs).unref()];
  if (tell !== undefined) timers.push(setInterval(() => agent.news().forEach((line) => tell(line)), NEWS_MS).unref());
  const stop = (): void => timers.forEach((one) => clearInterval(one));
  try {
    const resolver = await listen(options.host, options.port, ports, tap);
    return {
      port: resolver.port,
      objectPort: objects.port,
      exporter: late.exporter,
      clock,
      async close() {
        stop();
        await Promise.all([resolver.close(), objects.close()]);
        tap?.close();
      },
    };
  } catch (error) {
    stop();
    await objects.close();
    throw error;
  }
}
