import { readModel } from '../../replay/agent/model.js';
import { readScenario } from '../../replay/agent/scenario.js';
import { loadModel, loadScenario, serve, type Serving } from '../io/serve/agent.js';
import { ntHash } from '../security/crypto.js';
import { AUTH_LEVELS, type AuthLevel } from '../types.js';
import { known } from './known.js';

/** A simulated update agent; docs/model.md. */
export interface AgentOptions {
  /** What it has: the path of a model file, or what such a file holds. */
  readonly model: unknown;
  /** Versions and interfaces as this product has them. */
  readonly profile?: string;
  /** What happens as time passes: a path, or what such a file holds. */
  readonly scenario?: unknown;
  /** Where its time begins, in milliseconds since 1970, and how many times as fast it goes. */
  readonly clock?: { readonly startMs?: number; readonly speed?: number };
  readonly host?: string;
  /** 0, unless told, takes any that is free. */
  readonly port?: number;
  readonly objectPort?: number;
  /** Who may sign in. */
  readonly user?: string;
  readonly password?: string;
  /** Least authentication level; `integrity` with a user, `none` without. */
  readonly minLevel?: AuthLevel;
  /** A pcapng file of what is exchanged. */
  readonly capture?: string;
  /** Is told what happens in the scenario, a line each. */
  readonly tell?: (line: string) => void;
}

/** Starts a simulated update agent. @throws UsageError for a model that is none, Error when a port cannot be had */
export async function serveAgent(options: AgentOptions): Promise<Serving> {
  const { profile = null, host = '127.0.0.1', port = 0, objectPort = 0, user, password = '', tell, clock } = options;
  const model =
    typeof options.model === 'string'
      ? loadModel(options.model, profile)
      : { ...readModel(options.model), ...(profile === null ? {} : { profile }) };
  const { scenario } = options;
  const level = options.minLevel ?? (user === undefined ? 'none' : 'integrity');
  return serve({
    registry: known().registry,
    model,
    host,
    port,
    objectPort,
    names: [],
    users: new Map(user === undefined ? [] : [[user.toLowerCase(), { hash: ntHash(password) }]]),
    minLevel: AUTH_LEVELS.indexOf(level),
    capture: options.capture ?? null,
    scenario: scenarioOf(scenario, model),
    clock: clock === undefined ? null : { startMs: clock.startMs ?? null, speed: clock.speed ?? 1 },
    ...(tell === undefined ? {} : { tell }),
  });
}

function scenarioOf(given: unknown, model: ReturnType<typeof readModel>): ReturnType<typeof readScenario> | null {
  if (given === undefined) return null;
  return typeof given === 'string' ? loadScenario(given, model) : readScenario(given);
}
