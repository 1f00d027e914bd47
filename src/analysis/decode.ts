import type { Decoded, Registry } from '../ndr/codec.js';
import { NO_FIELDS, recordOf, type Fields } from '../ndr/value.js';
import type { Endpoint, Exchange, Finding, Value } from '../types.js';
import type { Classes } from './classes.js';
import { numberingFinding } from './findings.js';
import type { Interfaces, KnownInterface, Plan, Reading } from './interfaces.js';
import type { Place } from './locate.js';
import { NumberingJudge, order, type Judgement, type Tally } from './numbering.js';

/**
 * Which opnums requests carry: slots, printed numbers, or whichever the evidence says of each server and interface
 * (numbering.ts).
 */
export type Numbering = 'auto' | 'wire' | 'printed';

/** What the number of a call was taken for: `either`: it decodes as both, from a peer that mixes them. */
type NumberTaken = 'slot' | 'printed' | 'either';

/** The stubs of a call, read. */
export interface Decoding {
  /** Null where no table has the method or its parameters. */
  readonly reading: Reading | null;
  /** What is known of the method without its stubs; null where no table has it. */
  readonly plan: Plan | null;
  /** The slot that was called. */
  readonly opnum: number | null;
  readonly request: Fields;
  readonly response: Fields;
  /** The HRESULT or status that the method returned, or null. */
  readonly result: number | null;
  readonly number: NumberTaken;
  readonly judgement: Judgement | null;
}

/** A call whose number may be a slot or a printed one. */
interface Doubtful {
  readonly known: KnownInterface;
  readonly exchange: Exchange;
  /** The slot that its number is printed for. */
  readonly printed: number;
  readonly judgement: Judgement;
  /** Of its connection. */
  readonly tally: Tally | null;
}

interface DecoderOptions {
  readonly registry: Registry;
  readonly interfaces: Interfaces;
  readonly classes: Classes;
  readonly numbering: Numbering;
  /** Peers and interfaces whose numbering is judged. */
  readonly limit: number;
}

/** The second step of making a call: reads both stubs, under the numbering that the peer is found to use. */
export class Decoder {
  private readonly options: DecoderOptions;
  private readonly judge: NumberingJudge;

  constructor(options: DecoderOptions) {
    this.options = options;
    this.judge = new NumberingJudge(options.limit);
  }

  /** Grows with every piece of evidence on numberings. */
  get evidence(): number {
    return this.judge.changes;
  }

  /** A call was made: every one is told here before it is decoded. */
  met({ known, server, link }: Place): void {
    if (known !== null && known.printed !== null)
      this.judge.met(this.judge.of(server.address, known.uuid), link === null ? null : link.numbers);
  }

  decode(exchange: Exchange, { known, server, link }: Place, out: Finding[]): Decoding {
    const { opnum } = exchange;
    if (known === null || opnum === null) return { ...NOTHING, opnum };
    const { interfaces, numbering } = this.options;
    const printed = known.printed?.get(opnum);
    const judgement = known.printed === null ? null : this.judge.of(server.address, known.uuid);
    if (judgement === null || printed === undefined || numbering === 'wire')
      return this.made(interfaces.read(known, exchange, opnum), 'slot', known, exchange, judgement);
    if (numbering === 'printed')
      return this.made(interfaces.read(known, exchange, printed), 'printed', known, exchange, judgement);
    return this.weighed({ known, exchange, printed, judgement, tally: link === null ? null : link.numbers }, out);
  }

  /**
   * Whether a call is taken for its slot without a look at the other numbering: `any` call, or one that reads cleanly and
   * `fitting`, as {@link Decoder.plausible} has it. Null: it is not, or the evidence is still gathered.
   */
  taken(known: KnownInterface, opnum: number, server: Endpoint): 'any' | 'fitting' | null {
    if (known.printed === null) return 'any';
    const judgement = this.judge.of(server.address, known.uuid);
    if (this.options.numbering === 'wire' || !known.printed.has(opnum)) return 'any';
    if (this.options.numbering === 'printed') return null;
    const { first, both } = order(judgement);
    return first === 'wire' && !both ? 'fitting' : null;
  }

  /** A server states by a vtable offset which numbering an interface has. */
  stated(server: string, known: KnownInterface, which: 'wire' | 'printed', exchange: Exchange, out: Finding[]): void {
    this.judged(this.judge.of(server, known.uuid), which, known, exchange, out);
  }

  /** Decodes under the numbering that the evidence on this server and interface speaks for, and adds to it. */
  private weighed({ known, exchange, printed, judgement, tally }: Doubtful, out: Finding[]): Decoding {
    const { interfaces } = this.options;
    const opnum = exchange.opnum ?? printed;
    const { first, both } = order(judgement);
    const wire = first === 'wire';
    const one = interfaces.read(known, exchange, wire ? opnum : printed);
    const fits = this.fits(one);
    const asFirst = takenAs(first);
    if (fits && !both) return this.made(one, asFirst, known, exchange, judgement);
    const other = interfaces.read(known, exchange, wire ? printed : opnum);
    const otherFits = this.fits(other) && hasStub(other);
    // A damaged call of a server that is known for one numbering can be whole in the other.
    const weight = !fits && otherFits && !both ? this.judge.weigh(judgement, tally) : 'evidence';
    if (weight === 'damage') return this.made(one, asFirst, known, exchange, judgement);
    const proved = exchange.fault === null && proves(fits ? one : other);
    if (proved && fits && otherFits) {
      this.judge.doubt(judgement);
      if (judgement.verdict === 'mixed') return this.either(one, other, known, exchange, judgement);
    } else if (proved && fits !== otherFits && weight === 'evidence')
      this.judged(judgement, fits === wire ? 'wire' : 'printed', known, exchange, out);
    const only = !fits && otherFits && this.isOnly(other, proved, judgement);
    const taken = only ? other : (one ?? other);
    return this.made(taken, numberOf(taken, printed), known, exchange, judgement);
  }

  /** Whether the numbering that alone explains a call is believed. */
  private isOnly(reading: Reading, proved: boolean, { verdict }: Judgement): boolean {
    return proved || verdict === 'mixed' || hasParameters(reading);
  }

  /**
   * A call of a peer that mixes both numberings, and that reads as either. No object where one is declared is no
   * evidence: many properties have none, and a number or a text of nothing looks the same.
   */
  private either(
    one: Reading | null,
    other: Reading | null,
    known: KnownInterface,
    exchange: Exchange,
    judgement: Judgement,
  ): Decoding {
    const opnum = exchange.opnum ?? 0;
    if (!without(one) || without(other)) return this.made(one, 'either', known, exchange, judgement);
    return this.made(other, other?.opnum === opnum ? 'slot' : 'printed', known, exchange, judgement);
  }

  private made(
    read: Reading | null,
    number: NumberTaken,
    known: KnownInterface,
    exchange: Exchange,
    judgement: Judgement | null,
  ): Decoding {
    const { interfaces } = this.options;
    const opnum = read?.opnum ?? exchange.opnum ?? 0;
    const plan = read?.plan ?? interfaces.plan(known, opnum);
    const reading = read === null ? null : interfaces.explained(known, exchange, read);
    const response = reading?.response ?? null;
    const returns = plan?.slot.method.returns?.kind;
    return {
      reading,
      plan,
      opnum,
      request: reading?.request?.value ?? NO_FIELDS,
      response: response?.value ?? NO_FIELDS,
      result: returns === 'well-known' && typeof response?.result === 'number' ? response.result : null,
      number,
      judgement,
    };
  }

  private fits(reading: Reading | null): reading is Reading {
    if (reading === null || !reading.clean) return false;
    const { response, plan } = reading;
    return response === null || this.plausible(response.result, response, plan);
  }

  /** Whether a call whose slot does not fit is what the other numbering has at its number. */
  otherFits(known: KnownInterface, exchange: Exchange): boolean {
    const printed = exchange.opnum === null ? undefined : known.printed?.get(exchange.opnum);
    if (printed === undefined) return false;
    const other = this.options.interfaces.read(known, exchange, printed);
    return this.fits(other) && hasStub(other);
  }

  /**
   * An HRESULT is S_OK, S_FALSE or has its severity bit set, and a result is what it is declared to be; anything else
   * speaks for a misread stub.
   */
  plausible(result: Value, response: Decoded | null, plan: Plan): boolean {
    if (typeof result === 'number' && result !== 0 && result !== 1 && result >>> 31 === 0) return false;
    const declared = plan.returns;
    if (declared === null || response === null) return true;
    const { registry, classes } = this.options;
    const iid = recordOf(response.value['retval'])?.['iid'];
    const given = typeof iid === 'string' ? registry.interfaceByUuid(iid)?.interface.name : undefined;
    return given === undefined || !classes.has(declared) || !classes.has(given) || classes.related(declared, given);
  }

  private judged(
    judgement: Judgement,
    which: 'wire' | 'printed',
    known: KnownInterface,
    exchange: Exchange,
    out: Finding[],
  ): void {
    const news = this.judge.note(judgement, which);
    if (news === null) return;
    const server = exchange.direction === 0 ? exchange.flow.b : exchange.flow.a;
    out.push(numberingFinding(news, known.resolved.interface, server.address, exchange));
  }
}

const NOTHING: Decoding = Object.freeze({
  reading: null,
  plan: null,
  opnum: null,
  request: NO_FIELDS,
  response: NO_FIELDS,
  result: null,
  number: 'slot',
  judgement: null,
});

/**
 * Whether a reading can prove a numbering: a response without an error was read, or a request that has parameters and
 * was answered. Empty stubs look alike for every method without parameters, and a fault says nothing of its method.
 */
function proves(reading: Reading | null): boolean {
  if (reading === null || reading.response === null) return false;
  const { result } = reading.response;
  if (typeof result !== 'number' || result >>> 31 === 0) return true;
  return hasParameters(reading);
}

function hasParameters(reading: Reading | null): boolean {
  return reading?.plan.slot.method.params?.some((one) => one.direction !== 'out') === true;
}

function takenAs(numbering: 'wire' | 'printed'): NumberTaken {
  return numbering === 'wire' ? 'slot' : 'printed';
}

function numberOf(taken: Reading | null, printed: number): NumberTaken {
  return taken?.opnum === printed ? 'printed' : 'slot';
}

function hasStub({ request, response }: Reading): boolean {
  return request !== null || response !== null;
}

/** Whether a reading has no object where its member declares one. */
function without(reading: Reading | null): boolean {
  const response = reading?.response;
  return reading?.plan.returns != null && response?.value['retval'] === null && response.result === 0;
}
