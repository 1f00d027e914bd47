import { readComplexPing, readSetId, writePingAnswer } from '../../dcom/ping.js';
import { readResolve, writeAlive, writeResolved } from '../../dcom/resolver.js';
import type { Fields } from '../../ndr/value.js';
import { LEVEL } from '../../rpc/auth.js';
import { E_NOTIMPL, S_OK, type Outcome } from './dispatch.js';
import { OR_INVALID_OID, OR_INVALID_OXID, OR_INVALID_SET } from './faults.js';
import type { References } from './references.js';

/**
 * The object resolver ([MS-DCOM] 3.1.2.5.1), which anybody may call: it keeps nothing for identifiers that are not its
 * own. `minLevel`: least auth_level of calls on objects.
 */
export class ObjectResolver {
  private readonly references: References;
  private readonly minLevel: number;

  constructor(references: References, minLevel: number) {
    this.references = references;
    this.minLevel = minLevel;
  }

  call(method: string, value: Fields, owner: string): Outcome {
    switch (method) {
      case 'ServerAlive':
        return { hresult: S_OK };
      case 'ServerAlive2':
        return { hresult: S_OK, out: writeAlive(this.references.bindings(false)) };
      case 'ResolveOxid':
      case 'ResolveOxid2':
        return readResolve(value) === this.references.oxid
          ? { hresult: S_OK, out: writeResolved(this.references.exporter(Math.max(this.minLevel, LEVEL.integrity))) }
          : { hresult: OR_INVALID_OXID };
      case 'SimplePing':
        return { hresult: this.references.table.simplePing(readSetId(value) ?? '') ? S_OK : OR_INVALID_SET };
      case 'ComplexPing':
        return this.complexPing(value, owner);
      default:
        return { hresult: E_NOTIMPL };
    }
  }

  private complexPing(value: Fields, owner: string): Outcome {
    const ping = readComplexPing(value);
    const { setId, unknown } = this.references.table.complexPing(ping, owner);
    if (setId === null) return { hresult: OR_INVALID_SET, out: writePingAnswer(ping.setId) };
    return { hresult: unknown ? OR_INVALID_OID : S_OK, out: writePingAnswer(setId) };
  }
}
