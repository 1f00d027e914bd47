import type { JsonBytes } from '../bytes/json.js';
import { ObjectTable } from '../dcom/objects.js';
import type { Registry } from '../ndr/codec.js';
import type { Call, Exchange, Finding, FlowEnd, ObjectRecord } from '../types.js';
import { bind } from './bind.js';
import { Callbacks } from './callbacks.js';
import { classesOf } from './classes.js';
import { Decoder, type Numbering } from './decode.js';
import { Interfaces, typesOf } from './interfaces.js';
import type { Knowledge } from './knowledge.js';
import { LateBinder } from './late.js';
import type { AnalysisLimits } from './limits.js';
import { Locator } from './locate.js';
import { CallRecorder } from './record.js';
import { OrdinaryCall, OrdinaryCalls } from './ordinary.js';
import { Roles } from './roles.js';
import type { RuledShare } from './share.js';
import { Track } from './track.js';
import { Tracker } from './tracker.js';
import { UnboundContexts } from './unbound.js';

export type { Numbering } from './decode.js';

interface MakerOptions {
  readonly registry: Registry;
  readonly numbering: Numbering;
  readonly limits: AnalysisLimits;
  /** False: IPIDs stay anonymous and Invokes unnamed. For measuring what following objects costs. */
  readonly objects: boolean;
  /** Where the arguments of ordinary calls go as JSON; null for values. */
  readonly text?: JsonBytes | null;
  /** Of what several readers follow: which calls are looked into here. Needs `text`. */
  readonly share?: RuledShare | null;
}

/**
 * Turns exchanges into calls, in five steps: locate (who called which interface of which object), decode (both
 * stubs), bind (the member that an Invoke means), track (what it says about objects), record.
 */
export class CallMaker {
  private readonly locator: Locator;
  private readonly decoder: Decoder;
  private readonly late: LateBinder;
  private readonly objects: ObjectTable<Knowledge>;
  /** Null: objects are not followed. */
  private readonly track: Track | null;
  private readonly tracker: Tracker;
  /** Null: all values are wanted. */
  private readonly ordinary: OrdinaryCalls | null;
  private readonly recorder: CallRecorder;
  private readonly share: RuledShare | null;

  constructor({ registry, numbering, limits, objects: follow, text = null, share = null }: MakerOptions) {
    this.share = share;
    const { specifications } = registry;
    const types = typesOf(registry);
    const everyServers = specifications.flatMap((one) => one.infrastructure ?? []);
    const roles = new Roles(registry);
    const objects = new ObjectTable<Knowledge>(limits.objects);
    this.objects = objects;
    const interfaces = new Interfaces(registry, roles, types);
    const classes = classesOf(registry);
    this.late = new LateBinder(classes, objects, types);
    this.tracker = new Tracker({ registry, objects, classes, late: this.late, roles, limits });
    this.locator = new Locator({
      interfaces,
      peers: this.tracker.peers,
      contexts: new UnboundContexts({ registry, interfaces, classes, roles, limit: limits.contexts, everyServers }),
      objects: follow ? objects : null,
      late: this.late,
      everyServers,
    });
    this.decoder = new Decoder({ registry, interfaces, classes, numbering, limit: limits.numberings });
    this.track = follow ? new Track({ tracker: this.tracker, decoder: this.decoder, interfaces, classes }) : null;
    const callbacks = new Callbacks(limits.callbacks);
    this.ordinary =
      text === null || this.track === null
        ? null
        : new OrdinaryCalls({
            interfaces,
            decoder: this.decoder,
            track: this.track,
            callbacks,
            late: this.late,
            memory: text,
            problems: limits.problemsPerCall,
            share,
          });
    this.recorder = new CallRecorder({
      registry,
      callbacks,
      problems: limits.problemsPerCall,
    });
  }

  /** The call that an exchange is; what it shows to be wrong goes to `findings`. */
  make(exchange: Exchange, id: number, findings: Finding[]): Call {
    const place = this.locator.locate(exchange);
    this.decoder.met(place);
    const ordinary = this.ordinary === null ? null : this.ordinary.make(exchange, id, place, findings);
    if (ordinary instanceof OrdinaryCall) return ordinary;
    const { evidence } = this.decoder;
    const decoding = this.decoder.decode(exchange, place, findings);
    // What others took for the method of its number taught more than that.
    if (ordinary !== null && (decoding.plan !== ordinary || this.decoder.evidence !== evidence))
      this.share?.strayed(id);
    const found = { place, decoding, late: bind(place, decoding, this.late) };
    this.track?.take(exchange, id, found, findings);
    return this.recorder.record(exchange, id, found);
  }

  /** Label of the first object that an exporter is known to have, or null. */
  labelAt(oxid: string): string | null {
    for (const object of this.objects.all()) if (object.oxid === oxid && object.oid !== null) return object.label;
    return null;
  }

  /** A bind was accepted: its connection belongs to an association group. */
  bound(flow: Exchange['flow'], group: number): void {
    this.tracker.peers.bound(flow, group);
  }

  /** A connection ended. */
  ended(end: FlowEnd): void {
    this.tracker.peers.ended(end);
  }

  /** No more calls will come: findings that only the end shows. */
  end(findings: Finding[]): void {
    if (this.track !== null) this.tracker.end(findings);
  }

  /** What is known of every object by now. */
  records(ended: boolean): ObjectRecord[] {
    return this.tracker.records(ended);
  }
}
