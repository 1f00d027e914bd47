import { COM_VERSION, type ComVersion } from './activation.js';
import { ClientError, faulted } from './error.js';
import { titleOf, type Slot } from './members.js';
import { ClientLink, type LinkAnswer, type LinkCall } from '../link/client.js';
import type { World } from '../world.js';
import { spanOf } from '../../bytes/block.js';
import { EncodeError, type Decoded, type Fields, type Registry } from '../../ndr/codec.js';
import type { AuthLevel, Problem, Value } from '../../types.js';

/** Where calls go: a port of the server, and how they are protected. */
export interface Route {
  readonly port: number;
  readonly level: AuthLevel;
  /** Version of DCOM that calls carry; this client's own unless told. */
  readonly version?: ComVersion;
}

export interface WireOptions {
  readonly registry: Registry;
  readonly world: World;
  /** Milliseconds a call may take, connecting and signing in included. */
  readonly timeoutMs: number;
  /** Opnums as slots, or as [MS-UAMG] prints them. */
  readonly numbering: 'wire' | 'printed';
  /** Hears of what is odd in an answer that could be read all the same. */
  readonly onProblem?: (call: string, problem: Problem) => void;
}

/** What a call gave: its results by name, and its return value. */
export interface Answered {
  readonly value: Fields;
  readonly result: number;
  /** The values that were sent. */
  readonly asked: Fields;
}

const LITTLE = { littleEndian: true, ebcdic: false, float: 'ieee' } as const;
/** Damage behind which an answer cannot be trusted to be what it seems. */
const FATAL: readonly Problem['code'][] = [
  'ndr-truncated',
  'ndr-bad-conformance',
  'ndr-bad-variance',
  'ndr-bad-discriminant',
  'ndr-limit',
  'ndr-unsupported',
  'ndr-bad-pickle',
];

/** Typed calls over connections that are opened when they are needed: one for each port and level. */
export class Wire {
  private readonly options: WireOptions;
  private readonly lines = new Map<string, { readonly link: ClientLink; readonly close: () => void }>();
  private closed = false;

  constructor(options: WireOptions) {
    this.options = options;
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
  ): Promise<Answered> {
    const title = titleOf(slot);
    const {
      face: { interface: face },
      method,
    } = slot;
    const codec = this.options.registry.method(face.uuid, method.opnum, { littleEndian: true, syntax: 'ndr20' });
    if (codec === null)
      throw new ClientError('usage', `nobody knows the parameters of ${title}: call it late bound`, { call: title });
    const explicit = (method.params ?? []).some((param) => param.name === 'orpcthis');
    const orpcthis: Value = {
      version: { ...(route.version ?? COM_VERSION) },
      flags: explicit ? 1 : 0,
      reserved1: 0,
      cid: this.options.world.guid(),
      extensions: null,
    };
    const stub = encoded(title, () =>
      codec.request.encode({ ...params, ...(face.orpc || explicit ? { orpcthis } : {}) }),
    );
    const answer = await this.exchange(
      route,
      title,
      {
        abstract: { uuid: face.uuid, ...face.version },
        transfer: 'ndr20',
        opnum: this.options.numbering === 'printed' ? method.printedOpnum : method.opnum,
        object,
        stub,
        drep: LITTLE,
      },
      Math.min(this.options.timeoutMs, mostMs),
    );
    const { littleEndian } = answer.drep;
    const response = littleEndian
      ? codec.response
      : (this.options.registry.method(face.uuid, method.opnum, { littleEndian, syntax: 'ndr20' })?.response ??
        codec.response);
    return { ...this.read(title, response.decode(spanOf(answer.stub), params)), asked: params };
  }

  /** Ends all connections; calls under way fail. */
  close(): void {
    this.closed = true;
    for (const { link, close } of this.lines.values()) {
      link.close('the client was closed');
      close();
    }
    this.lines.clear();
  }

  private read(
    title: string,
    { value, result, problems }: Decoded,
  ): { readonly value: Fields; readonly result: number } {
    const fatal = problems.find((problem) => FATAL.includes(problem.code));
    if (fatal !== undefined)
      throw new ClientError('malformed', `the answer to ${title} cannot be read: ${fatal.message}`, { call: title });
    for (const problem of problems) this.options.onProblem?.(title, problem);
    return { value, result: typeof result === 'number' ? result >>> 0 : 0 };
  }

  private async exchange(
    route: Route,
    title: string,
    call: LinkCall,
    timeoutMs: number,
  ): Promise<Extract<LinkAnswer, { kind: 'response' }>> {
    const { world } = this.options;
    const answer = await new Promise<LinkAnswer>((resolve) => {
      const cancel = world.after(timeoutMs, () => {
        abandon();
        resolve({ kind: 'failed', cause: 'timed-out', message: `${title} was not answered within ${timeoutMs} ms` });
      });
      const abandon = this.link(route).call(call, (got) => {
        cancel();
        resolve(got);
      });
    });
    if (answer.kind === 'fault') throw faulted(title, answer.status, answer.unproved);
    if (answer.kind === 'failed') throw new ClientError(answer.cause, answer.message, { call: title });
    return answer;
  }

  private link({ port, level }: Route): ClientLink {
    if (this.closed) throw new ClientError('usage', 'the client is closed');
    const key = `${port}/${level}`;
    const known = this.lines.get(key);
    if (known !== undefined) return known.link;
    let link: ClientLink | null = null;
    const line = this.options.world.dial(port, {
      data: (bytes) => link?.push(bytes),
      closed: (reason, cause) => {
        link?.close(reason, cause);
        // The next call opens another.
        if (this.lines.get(key)?.link === link) this.lines.delete(key);
      },
    });
    link = new ClientLink((bytes) => line.send(bytes), level === 'none' ? null : this.options.world.auth(level));
    this.lines.set(key, { link, close: () => line.close() });
    return link;
  }
}

function encoded(title: string, encode: () => Uint8Array): Uint8Array {
  try {
    return encode();
  } catch (error) {
    if (error instanceof EncodeError)
      throw new ClientError(
        'usage',
        `${title} cannot be called so: ${error.path}: ${error.message.replace(`${error.path}: `, '')}`,
        { call: title },
      );
    throw error;
  }
}
