import { asList, asRecord, type Fields } from '../ndr/value.js';

/**
 * What a simulated server says of itself: among the interfaces that it lists to whoever asks (rpc__mgmt_inq_if_ids,
 * [C706] appendix Q) is this one, which has no operations. No real server has it.
 */
export const SIMULATED = { uuid: 'acf345e6-eb13-4cfc-ad75-864c90c2705e', vers_major: 1, vers_minor: 0 } as const;

/** Whether the answer to rpc__mgmt_inq_if_ids says that the server is a simulated one. */
export function readSimulated(response: Fields): boolean {
  return asList(asRecord(response['if_id_vector'])['if_id']).some((one) => asRecord(one)['uuid'] === SIMULATED.uuid);
}
