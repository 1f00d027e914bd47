import {
  readActivation,
  type Activation,
  writeActivated,
  writeRemoteActivated,
  type ActivationResult,
} from '../../dcom/activation-properties.js';
import type { Fields } from '../../ndr/value.js';
import {
  E_INVALIDARG,
  E_NOINTERFACE,
  REGDB_E_CLASSNOTREG,
  S_OK,
  type Outcome,
  type ServedClass,
  type ServedObject,
  type ServedRequest,
} from './dispatch.js';
import type { References } from './references.js';

export interface ActivatorOptions {
  readonly classes: readonly ServedClass[];
  /** Least auth_level of calls on objects. */
  readonly minLevel: number;
  /** The level that clients are told to call objects at, by its number; unless given, that of the activation. */
  readonly authnHint?: number;
}

/** Activation ([MS-DCOM] 3.1.2.5.2): makes objects of classes, and hands out their first references. */
export class Activator {
  private readonly options: ActivatorOptions;
  private readonly references: References;

  constructor(options: ActivatorOptions, references: References) {
    this.options = options;
    this.references = references;
  }

  /** RemoteCreateInstance and RemoteGetClassObject. */
  call(method: string, value: Fields, caller: ServedRequest): Outcome {
    const wanted = readActivation(value);
    const made = this.activate(wanted, method === 'RemoteGetClassObject', caller);
    if (made.hresult !== S_OK) return { hresult: made.hresult };
    return { hresult: S_OK, out: writeActivated(this.references.exporter(this.hint(caller)), made.results) };
  }

  /** IActivation::RemoteActivation: its own status is that of the call, `phr` that of the activation. */
  remoteActivation(value: Fields, caller: ServedRequest): Outcome {
    const wanted = readActivation(value);
    const { hresult, results } = this.activate(wanted, wanted?.classObject === true, caller);
    const exporter = this.references.exporter(this.hint(caller));
    return { hresult: S_OK, out: writeRemoteActivated(exporter, hresult, results) };
  }

  /** Results in the order of the IIDs; of an activation that failed they all say so. */
  private activate(
    wanted: Activation | null,
    classObject: boolean,
    caller: ServedRequest,
  ): { readonly hresult: number; readonly results: readonly ActivationResult[] } {
    const { clsid, iids } = wanted ?? { clsid: null, iids: [] };
    const failed = (hresult: number): ReturnType<Activator['activate']> => ({
      hresult,
      results: iids.map((iid) => ({ iid, hresult, reference: null })),
    });
    const served = this.options.classes.find((one) => one.clsid === clsid);
    if (served === undefined) return failed(REGDB_E_CLASSNOTREG);
    const object = classObject ? classObjectOf(served) : served.create(caller);
    if (typeof object === 'number') return failed(object);
    const results = iids.map((iid) => {
      const reference = this.references.reference(object, iid, caller.owner);
      return { iid, hresult: reference === null ? E_NOINTERFACE : S_OK, reference };
    });
    return results.every((one) => one.reference === null) ? failed(E_NOINTERFACE) : { hresult: S_OK, results };
  }

  private hint({ authLevel }: ServedRequest): number {
    return Math.max(this.options.minLevel, this.options.authnHint ?? authLevel);
  }
}

/** The class object of a class: IClassFactory::CreateInstance makes its objects. */
function classObjectOf(served: ServedClass): ServedObject {
  return {
    served: true,
    interfaces: ['IClassFactory'],
    call(_, member, __, ___, caller) {
      if (member === 'LockServer') return { hresult: S_OK };
      if (member !== 'CreateInstance') return { hresult: E_INVALIDARG };
      const made = served.create(caller);
      return typeof made === 'number' ? { hresult: made } : { hresult: S_OK, out: { ppvObject: made } };
    },
  };
}
