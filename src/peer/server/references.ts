import { GUID_NULL } from '../../bytes/guid.js';
import { writeBindings } from '../../dcom/bindings.js';
import type { OwnExporter } from '../../dcom/exporters.js';
import { IID, QUERIED_REFERENCES } from '../../dcom/names.js';
import { standardReference } from '../../dcom/references.js';
import { COM_VERSION } from '../../dcom/version.js';
import type { StdObjref } from '../../dcom/wire.js';
import { derives, type Registry } from '../../ndr/codec.js';
import { AUTH_TYPE } from '../../rpc/auth.js';
import type { Value } from '../../types.js';
import type { ServedObject } from './dispatch.js';
import { ExportTable, type TableOptions } from './export-table.js';

export interface ReferenceOptions extends TableOptions {
  readonly registry: Registry;
  /** Names and addresses that OBJREFs give for the server, without port. */
  readonly addresses: readonly string[];
  /** Port of the objects. */
  readonly port: number;
}

/** What a server hands out of its objects: references, and its own identity ([MS-DCOM] 2.2.18, 3.1.1.1). */
export class References {
  readonly table: ExportTable;
  readonly oxid: string;
  readonly ipidRemUnknown: string;
  private readonly options: ReferenceOptions;
  private readonly registry: Registry;

  constructor(options: ReferenceOptions) {
    this.options = options;
    this.registry = options.registry;
    this.table = new ExportTable(options);
    this.oxid = this.table.id64();
    this.ipidRemUnknown = this.table.guid();
  }

  /** The exporter as activations and the object resolver tell of it; `authnHint`: the level its calls are wanted at. */
  exporter(authnHint: number): OwnExporter {
    const { oxid, ipidRemUnknown } = this;
    return { oxid, ipidRemUnknown, bindings: this.bindings(true), authnHint, version: COM_VERSION };
  }

  /** Where the server listens; OBJREFs and exporters name the port of the objects. */
  bindings(withPort: boolean): Value {
    const port = withPort ? this.options.port : null;
    return writeBindings(
      this.options.addresses.map((host) => ({ host, port })),
      [AUTH_TYPE.ntlm, AUTH_TYPE.spnego],
    );
  }

  /** A reference to an interface of an object ([MS-DCOM] 2.2.18.4), or null where it has none. */
  reference(object: ServedObject, iid: string, owner: string): Value {
    const std = this.std(object, iid, QUERIED_REFERENCES, owner);
    return std === null ? null : standardReference(iid, std, this.bindings(true));
  }

  /** The same as a STDOBJREF, with `count` references. */
  std(object: ServedObject, iid: string, count: number, owner: string): StdObjref | null {
    const name = this.interfaceFor(object, iid);
    return name === null
      ? null
      : { flags: 0, cPublicRefs: count, oxid: this.oxid, ...this.table.hand({ object, iid, name, count, owner }) };
  }

  /** A reference to a result: to the interface that was asked for, that is declared, or that automation wants. */
  result(object: ServedObject, declared: string | null, wanted: Value | undefined, owner: string): Value {
    if (typeof wanted === 'string' && wanted !== GUID_NULL) return this.reference(object, wanted, owner);
    return this.reference(object, this.iidFor(object, declared), owner);
  }

  private iidFor(object: ServedObject, declared: string | null): string {
    // What is declared as an IUnknown is handed out as that, whatever else it is.
    if (declared === 'IUnknown') return IID.IUnknown;
    if (declared !== null) return this.registry.interfaceByName(declared)?.interface.uuid ?? IID.IDispatch;
    // Where nothing is declared: automation's interface, or the one that the object has instead.
    const [own] = object.interfaces;
    if (own === undefined || derives(this.registry, own, 'IDispatch')) return IID.IDispatch;
    return this.registry.interfaceByName(own)?.interface.uuid ?? IID.IUnknown;
  }

  private interfaceFor(object: ServedObject, iid: string): string | null {
    if (iid === IID.IUnknown) return 'IUnknown';
    const resolved = this.registry.interfaceByUuid(iid);
    if (resolved === null) return null;
    const { name } = resolved.interface;
    return this.has(object, name) ? name : null;
  }

  /** Whether an object has an interface, itself or as the base of another. */
  has(object: ServedObject, interfaceName: string): boolean {
    return object.interfaces.some((one) => derives(this.registry, one, interfaceName));
  }
}
