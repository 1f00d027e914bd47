import type { Fields, Registry } from '../../ndr/codec.js';
import type { AuthLevel, Problem } from '../../types.js';
import type { ComVersion } from '../../dcom/version.js';
import { Channels, elsewhereWords, type Place } from '../channel.js';
import { titleOf, type Slot } from '../members.js';
import { TypedCalls, type SendCall, type TypedAnswer } from '../typed-calls.js';
import type { World } from '../world.js';
import { ClientError, faulted } from './error.js';

/** Where calls go, and how they are protected. */
export interface Route {
  readonly place: Place;
  readonly level: AuthLevel;
  /** Version of DCOM that calls carry; this client's own unless told. */
  readonly version?: ComVersion;
}

interface ClientCallsOptions {
  readonly registry: Registry;
  readonly world: World;
  /** Milliseconds a call may take, connecting and signing in included. */
  readonly timeoutMs: number;
  /** Opnums as slots, or as the specification of the interface prints them. */
  readonly numbering: 'wire' | 'printed';
  /** Hears of what is odd in an answer that could be read all the same. */
  readonly onProblem?: (call: string, problem: Problem) => void;
}

/** What a call returned: its results by name, and its return value. */
export interface Returned {
  readonly value: Fields;
  readonly result: number;
}

/** Typed calls of a client over channels that are opened when they are needed: one for each place and level. */
export class ClientCalls {
  private readonly options: ClientCallsOptions;
  private readonly channels: Channels;
  private readonly typed: TypedCalls;
  private closed = false;

  constructor(options: ClientCallsOptions) {
    const { registry, world, numbering } = options;
    this.options = options;
    this.channels = new Channels(world);
    this.typed = new TypedCalls({ registry, numbering, guid: () => world.guid() });
  }

  /**
   * Makes a call and reads its answer; the return value is not judged. `mostMs`: it may take no longer, whatever the
   * options say. @throws ClientError
   */
  async call(
    route: Route,
    slot: Slot,
    params: Fields,
    object: string | null = null,
    mostMs = Infinity,
  ): Promise<Returned> {
    return this.returned(titleOf(slot), await this.answer(route, slot, params, object, mostMs));
  }

  /** The same, and what became of it instead of an error. */
  answer(
    route: Route,
    slot: Slot,
    params: Fields,
    object: string | null = null,
    mostMs = Infinity,
  ): Promise<TypedAnswer> {
    const { version } = route;
    return new Promise((resolve) => {
      this.typed.call(
        { slot, params, object, ...(version === undefined ? {} : { version }) },
        this.sender(route, titleOf(slot), Math.min(this.options.timeoutMs, mostMs)),
        resolve,
      );
    });
  }

  /** What a call returned. @throws ClientError where it came to nothing */
  returned(title: string, answer: TypedAnswer): Returned {
    if (answer.kind !== 'response') throw errorFor(title, answer);
    for (const problem of answer.problems) this.options.onProblem?.(title, problem);
    return { value: answer.value, result: answer.result };
  }

  /** Ends all connections; calls under way fail. */
  close(): void {
    this.closed = true;
    this.channels.close('the client was closed');
  }

  private sender({ place, level }: Route, title: string, deadlineMs: number): SendCall {
    return (call, heard) => {
      if (this.closed) throw new ClientError('usage', 'the client is closed');
      const auth = () => (level === 'none' ? null : this.options.world.auth(level));
      const channel = this.channels.channel(`${place.host ?? ''}:${place.port}/${level}`, place, auth);
      this.channels.call(channel, call, deadlineMs, (answer) => {
        const late = answer.kind === 'failed' && answer.cause === 'timed-out';
        heard(
          late
            ? { ...answer, message: `${title} was not answered within ${deadlineMs} ms${elsewhereWords(place)}` }
            : answer,
        );
      });
    };
  }
}

/** The error for an answer that is no response. */
export function errorFor(title: string, answer: Exclude<TypedAnswer, { readonly kind: 'response' }>): ClientError {
  return answer.kind === 'fault'
    ? faulted(title, answer.status, answer.unproved)
    : new ClientError(answer.cause, answer.message, { call: title });
}
