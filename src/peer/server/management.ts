import type { Registry } from '../../ndr/codec.js';
import { asList, asRecord, type Fields } from '../../ndr/value.js';
import { SIMULATED } from '../simulated.js';
import { S_OK, type Outcome } from './dispatch.js';
import { ERROR_ACCESS_DENIED, NCA_OP_RNG } from './faults.js';

/** The endpoint mapper and the management interface that every RPC server has ([C706] appendices O and Q). */

/** Interfaces that are no object's. */
export const RPC_INTERFACES: readonly string[] = [
  'IObjectExporter',
  'IActivation',
  'IRemoteSCMActivator',
  'ept',
  'mgmt',
];

/** ept_map: every interface is served on `port`. */
export function mapEndpoint(method: string, value: Fields, port: number): Outcome {
  if (method !== 'ept_map') return { hresult: 0, fault: NCA_OP_RNG };
  const floors = asList(asRecord(value['map_tower'])['floors']).map((floor) => {
    const one = asRecord(floor);
    return typeof one['port'] === 'number' ? Object.assign({}, one, { port }) : one;
  });
  return {
    hresult: S_OK,
    out: { entry_handle: value['entry_handle'] ?? null, num_towers: 1, ITowers: [{ floors }], status: 0 },
  };
}

/** What a server tells of itself, that it is simulated too; to end it is nobody's right. */
export function manage(method: string, registry: Registry): Outcome {
  switch (method) {
    case 'rpc__mgmt_is_server_listening':
      return { hresult: 1, out: { status: S_OK } };
    case 'rpc__mgmt_inq_if_ids': {
      const served = RPC_INTERFACES.flatMap((one) => registry.interfaceByName(one)?.interface ?? []).map(
        ({ uuid, version }) => ({ uuid, vers_major: version.major, vers_minor: version.minor }),
      );
      const found = [...served, SIMULATED];
      return { hresult: S_OK, out: { if_id_vector: { count: found.length, if_id: found }, status: S_OK } };
    }
    case 'rpc__mgmt_stop_server_listening':
      return { hresult: S_OK, out: { status: ERROR_ACCESS_DENIED } };
    default:
      return { hresult: S_OK, fault: NCA_OP_RNG };
  }
}
