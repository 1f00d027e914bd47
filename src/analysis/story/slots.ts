import { DISPID_NEWENUM, DISPID_VALUE } from '../../dcom/automation.js';
import type { Registry } from '../../ndr/codec.js';
import type { MethodRole, Specification, StoryEvent } from '../../ndr/types.js';
import type { Call } from '../../types.js';
import { LOOKUP_ROLES, Roles, UPKEEP_ROLES } from '../roles.js';
import { STORY_LIMITS } from './limits.js';

/** What a call means to the story. */
export interface Slot {
  /**
   * `get` a property, `put` one, `item` of a collection, `enumerate` it, `next` of an enumerator, `upkeep`: look-ups
   * and references, `other`.
   */
  readonly kind: 'get' | 'put' | 'item' | 'enumerate' | 'next' | 'upkeep' | 'other';
  /** Property or method, without `get_` and `put_`. */
  readonly name: string;
  readonly event: StoryEvent | null;
  /** Asks whether an object has an interface: "no" is an answer like any other. */
  readonly probe: boolean;
}

/** Calls that say nothing of what the session is about. */
const UPKEEP: readonly MethodRole[] = [
  'resolve-oxid',
  'query-interface',
  'query-interface2',
  ...UPKEEP_ROLES,
  ...LOOKUP_ROLES,
];
const PROBES: readonly MethodRole[] = ['query-interface', 'query-interface2'];
const OTHER: Slot = { kind: 'other', name: '', event: null, probe: false };

/** Says what calls mean, by interface and opnum. */
export class Slots {
  private readonly registry: Registry;
  private readonly roles: Roles;
  private readonly events = new Map<string, StoryEvent>();
  private readonly slots = new Map<string, (Slot | undefined)[]>();

  constructor(registry: Registry, specifications: readonly Specification[]) {
    this.registry = registry;
    this.roles = new Roles(registry);
    for (const { story } of specifications) for (const event of story?.events ?? []) this.events.set(event.on, event);
  }

  of(call: Call): Slot {
    const { iid, opnum } = call;
    if (iid === null || opnum === null || call.method === null) return OTHER;
    let list = this.slots.get(iid);
    if (list === undefined) {
      if (this.slots.size >= STORY_LIMITS.interfaces) return OTHER;
      this.slots.set(iid, (list = []));
    }
    const known = list[opnum];
    // A member learnt from type information may have any name from call to call.
    if (known !== undefined && known.name === nameOf(call)) return known;
    return (list[opnum] = this.make(call));
  }

  private make(call: Call): Slot {
    const slot =
      call.iid === null || call.opnum === null
        ? null
        : (this.registry.interfaceByUuid(call.iid)?.slots[call.opnum] ?? null);
    const role = this.roles.of(slot);
    const name = nameOf(call);
    const event = this.events.get(`${slot?.owner.name ?? call.interface}::${name}`) ?? null;
    return { kind: kindOf(call, role), name, event, probe: role !== null && PROBES.includes(role) };
  }
}

function kindOf(call: Call, role: MethodRole | null): Slot['kind'] {
  if (role === 'next') return 'next';
  if (role !== null && UPKEEP.includes(role)) return 'upkeep';
  if (call.member === 'propput' || call.member === 'propputref') return 'put';
  if (call.member !== 'propget') return 'other';
  if (call.dispid === DISPID_NEWENUM) return 'enumerate';
  const indexed = Object.keys(call.in).some((key) => key !== 'orpcthis');
  if (!indexed) return 'get';
  return call.dispid === DISPID_VALUE ? 'item' : 'other';
}

function nameOf(call: Call): string {
  return call.method?.replace(/^(get|put|putref)_/, '') ?? '';
}
