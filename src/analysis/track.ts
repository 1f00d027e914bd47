import { INVOKEKIND } from '../ndr/automation.js';
import type { Exchange, Finding } from '../types.js';
import type { Decoded } from '../ndr/codec.js';
import { NO_FIELDS, recordOf, type Fields } from '../ndr/value.js';
import type { Classes } from './classes.js';
import type { Decoder, Decoding } from './decode.js';
import type { Interfaces, Plan } from './interfaces.js';
import { knowledgeOf, type Entry } from './knowledge.js';
import type { Place } from './locate.js';
import type { Invoked, Tracker } from './tracker.js';

/** What the fourth step is done with. */
interface TrackOptions {
  readonly tracker: Tracker;
  readonly decoder: Decoder;
  readonly interfaces: Interfaces;
  readonly classes: Classes;
}

/** The fourth step of making a call: hands it to the object tracker, as far as it says anything about objects. */
export class Track {
  private readonly options: TrackOptions;

  constructor(options: TrackOptions) {
    this.options = options;
  }

  take(
    exchange: Exchange,
    id: number,
    { place, decoding, late }: { readonly place: Place; readonly decoding: Decoding; readonly late: Invoked | null },
    out: Finding[],
  ): void {
    const { tracker } = this.options;
    const { entry } = place;
    if (entry !== null) tracker.called(entry, place, id, exchange, out);
    const { plan, reading, request, response, result } = decoding;
    if (plan === null || reading === null) return;
    const responded = reading.response !== null;
    const hands = responded && plan.responsePointers.length > 0;
    if (!plan.traced && (!hands || tracker.again(response, plan.responsePointers, place.link))) return;
    const call = {
      id,
      exchange,
      client: place.client,
      server: place.server,
      time: place.time,
      entry,
      request,
      response,
      role: plan.role,
      method: plan.slot.method,
      succeeded: succeeded(plan, result),
      late,
    };
    if (plan.requestPointers.length > 0) tracker.requested(call, plan.requestPointers, out);
    if (!responded) return;
    tracker.responded(call, plan.responsePointers, out);
    if (plan.role === 'func-desc') this.offset(response, entry, exchange, out);
  }

  /** The same of a call without a role, early bound and answered without an error of RPC. */
  ordinary(
    exchange: Exchange,
    id: number,
    call: { readonly place: Place; readonly plan: Plan; readonly entry: Entry; readonly response: Decoded | null },
    out: Finding[],
  ): void {
    const { tracker } = this.options;
    const { place, plan, entry, response } = call;
    tracker.called(entry, place, id, exchange, out);
    if (response === null || tracker.again(response.value, plan.responsePointers, place.link)) return;
    const { result } = response;
    const tracked = {
      id,
      exchange,
      client: place.client,
      server: place.server,
      time: place.time,
      entry,
      request: NO_FIELDS,
      response: response.value,
      role: plan.role,
      method: plan.slot.method,
      succeeded: succeeded(plan, typeof result === 'number' ? result : null),
      late: null,
    };
    tracker.responded(tracked, plan.responsePointers, out);
  }

  /** FUNCDESC.oVft states the slot of a member outright ([MS-OAUT] 2.2.42): pointer size times opnum. */
  private offset(response: Fields, entry: Entry | null, exchange: Exchange, out: Finding[]): void {
    const { decoder, interfaces, classes } = this.options;
    const { memid, oVft, invkind } = recordOf(response['ppFuncDesc']) ?? {};
    const object = entry?.object.knowledge?.describes?.object ?? null;
    if (object === null || typeof memid !== 'number' || typeof oVft !== 'number' || typeof invkind !== 'number') return;
    if (oVft <= 0) return;
    for (const name of knowledgeOf(object).interfaces) {
      const member = classes.byDispid(name, memid).find(({ method }) => INVOKEKIND[method.member] === invkind);
      if (member === undefined || member.method.opnum === member.method.printedOpnum) continue;
      const states = (opnum: number): boolean => oVft === opnum * 4 || oVft === opnum * 8;
      const known = interfaces.of(member.owner.uuid);
      const wire = states(member.method.opnum);
      if (known !== null && wire !== states(member.method.printedOpnum))
        decoder.stated(object.server.address, known, wire ? 'wire' : 'printed', exchange, out);
      return;
    }
  }
}

/** Pings return an error_status_t, everything else here an HRESULT. */
function succeeded({ role }: Plan, result: number | null): boolean {
  if (result === null) return true;
  return role === 'ping' || role === 'complex-ping' ? result === 0 : result >>> 31 === 0;
}
