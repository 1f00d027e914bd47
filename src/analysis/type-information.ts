import type { ObjectTable } from '../dcom/objects.js';
import type { Registry } from '../ndr/codec.js';
import { asList, recordOf, type Fields } from '../ndr/value.js';
import type { MethodRole } from '../ndr/types.js';
import type { Value } from '../types.js';
import type { Classes } from './classes.js';
import { knowledgeOf, type Knowledge, type LearntType, type TrackedObject } from './knowledge.js';
import type { LateBinder } from './late.js';
import type { AnalysisLimits } from './limits.js';
import { describedAs } from './reasons.js';

/** What is learnt with. */
interface TypeSources {
  readonly registry: Registry;
  readonly objects: ObjectTable<Knowledge>;
  readonly classes: Classes;
  readonly late: LateBinder;
  readonly limits: AnalysisLimits;
}

/** A call of ITypeInfo that was answered. */
interface TypeAnswer {
  readonly role: MethodRole | null;
  readonly request: Fields;
  readonly response: Fields;
  readonly frame: number;
}

/** Learns members and names of types from what ITypeInfo objects say ([MS-OAUT] 3.7.4). */
export class TypeInformation {
  private readonly sources: TypeSources;
  private readonly types = new Map<string, LearntType>();

  constructor(sources: TypeSources) {
    this.sources = sources;
  }

  /** An object gave a description of itself; `object` null: nobody knows which. */
  describes(info: TrackedObject, object: TrackedObject | null): void {
    knowledgeOf(info).describes ??= { object, type: emptyType() };
  }

  /** A description was asked for something. */
  learn({ role, request, response, frame }: TypeAnswer, info: TrackedObject): void {
    const known = knowledgeOf(info);
    known.describes ??= { object: null, type: emptyType() };
    const { object } = known.describes;
    let { type } = known.describes;
    if (role === 'type-attr') {
      const guid = recordOf(response['ppTypeAttr'])?.['guid'];
      if (typeof guid !== 'string') return;
      type = this.shared(guid, type);
      known.describes = { object, type };
      if (object === null) return;
      this.identify(object, guid, frame);
    } else if (role === 'names') {
      const [name, ...params] = asList(response['rgBstrNames']).map((one) => (typeof one === 'string' ? one : ''));
      if (name !== undefined && name !== '') this.member(type, request['memid'], { name, params, frame });
    } else {
      const name = response['pBstrName'];
      if (typeof name !== 'string' || name === '') return;
      if (request['memid'] !== MEMBERID_NIL) this.member(type, request['memid'], { name, params: [], frame });
      else type.name = name;
    }
    if (object !== null) this.adopt(object, type);
  }

  private identify(object: TrackedObject, guid: string, frame: number): void {
    const { registry, classes, late } = this.sources;
    const name = registry.interfaceByUuid(guid)?.interface.name ?? classes.byClsid(guid)?.interface ?? null;
    if (name !== null)
      late.learnClass(object, { interface: name, certainty: 'known', because: describedAs(name, frame) });
  }

  /** What is known of a type holds for its object. */
  private adopt(object: TrackedObject, type: LearntType): void {
    const own = knowledgeOf(object);
    if (own.type === null || own.type.members.size <= type.members.size) own.type = type;
    if (type.name === null || own.interfaces.length > 0) return;
    own.title = type.name;
    this.sources.objects.rename(object, type.name);
  }

  private member(
    type: LearntType,
    memid: Value | undefined,
    learnt: { readonly name: string; readonly params: readonly string[]; readonly frame: number },
  ): void {
    if (typeof memid !== 'number' || type.members.size >= this.sources.limits.typeMembers) return;
    const before = type.members.get(memid);
    if (before === undefined || before.params.length < learnt.params.length)
      type.members.set(memid, { ...learnt, by: 'ITypeInfo' });
  }

  /** One record for a type, however many objects describe themselves with it. */
  private shared(guid: string, own: LearntType): LearntType {
    const known = this.types.get(guid);
    if (known !== undefined) return known;
    own.guid = guid;
    if (this.types.size < this.sources.limits.types) this.types.set(guid, own);
    return own;
  }
}

/** MEMBERID_NIL: the type itself ([MS-OAUT] 2.2.35). */
const MEMBERID_NIL = -1;

function emptyType(): LearntType {
  return { guid: null, name: null, members: new Map() };
}
