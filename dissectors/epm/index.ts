import {
  conformant,
  conformantVarying,
  contextHandle,
  errorStatus,
  field,
  guid,
  inout,
  input,
  named,
  output,
  struct,
  transformed,
  u16,
  u32,
  u8,
  unique,
} from '../../src/ndr/describe.js';
import type { Specification } from '../../src/ndr/types.js';
import { method, rpcInterface } from '../table.js';

export { towerTransform } from './tower.js';

const SPEC = 'C706';

const twr = struct('twr_t', 'L', [
  field('tower_length', u32),
  field('tower_octet_string', conformant(u8, 'tower_length')),
]);
const tower = unique(transformed('tower', named('twr_t')));
const ifId = struct('rpc_if_id_t', 'N', [field('uuid', guid), field('vers_major', u16), field('vers_minor', u16)]);
const entry = struct('ept_entry_t', 'O', [
  field('object', guid),
  field('tower', tower),
  field('annotation', { kind: 'string', unit: 'char', size: 64 }),
]);
const ifIdVector = struct('rpc_if_id_vector_t', 'Q', [
  field('count', u32),
  field('if_id', conformant(unique(ifId), 'count')),
]);

/**
 * The endpoint mapper ([C706] appendix O, [MS-RPCE] 2.2.1.2) and the management interface (appendix Q) that every RPC
 * server has.
 */
export const epm: Specification = {
  name: SPEC,
  title: 'DCE 1.1: Remote Procedure Call',
  types: [twr, ifId, entry, ifIdVector],
  classes: [],
  errors: [],
  upkeep: ['ept'],
  roles: { 'ept::ept_map': 'map-endpoint' },
  interfaces: [
    rpcInterface(SPEC, 'ept', 'e1af8308-5d1f-11c9-91a4-08002b14a0fa', '3.0', 'O', [
      method(
        0,
        'ept_insert',
        'O',
        [
          input('num_ents', u32),
          input('entries', conformant(named('ept_entry_t'), 'num_ents')),
          input('replace', u32),
          output('status', errorStatus),
        ],
        null,
      ),
      method(
        1,
        'ept_delete',
        'O',
        [
          input('num_ents', u32),
          input('entries', conformant(named('ept_entry_t'), 'num_ents')),
          output('status', errorStatus),
        ],
        null,
      ),
      method(
        2,
        'ept_lookup',
        'O',
        [
          input('inquiry_type', u32),
          input('object', unique(guid)),
          input('Ifid', unique(named('rpc_if_id_t'))),
          input('vers_option', u32),
          inout('entry_handle', contextHandle),
          input('max_ents', u32),
          output('num_ents', u32),
          output('entries', conformantVarying(named('ept_entry_t'), 'max_ents', '*num_ents')),
          output('status', errorStatus),
        ],
        null,
      ),
      method(
        3,
        'ept_map',
        'O',
        [
          input('obj', unique(guid)),
          input('map_tower', tower),
          inout('entry_handle', contextHandle),
          input('max_towers', u32),
          output('num_towers', u32),
          output('ITowers', conformantVarying(tower, 'max_towers', '*num_towers')),
          output('status', errorStatus),
        ],
        null,
      ),
      method(
        4,
        'ept_lookup_handle_free',
        'O',
        [inout('entry_handle', contextHandle), output('status', errorStatus)],
        null,
      ),
      method(5, 'ept_inq_object', 'O', [output('ept_object', guid), output('status', errorStatus)], null),
      method(
        6,
        'ept_mgmt_delete',
        'O',
        [
          input('object_speced', u32),
          input('object', unique(guid)),
          input('tower', tower),
          output('status', errorStatus),
        ],
        null,
      ),
    ]),
    rpcInterface(SPEC, 'mgmt', 'afa8bd80-7d8a-11c9-bef4-08002b102989', '1.0', 'Q', [
      method(
        0,
        'rpc__mgmt_inq_if_ids',
        'Q',
        [output('if_id_vector', unique(named('rpc_if_id_vector_t'))), output('status', errorStatus)],
        null,
      ),
      method(
        1,
        'rpc__mgmt_inq_stats',
        'Q',
        [inout('count', u32), output('statistics', conformant(u32, 'count')), output('status', errorStatus)],
        null,
      ),
      method(2, 'rpc__mgmt_is_server_listening', 'Q', [output('status', errorStatus)], u32),
      method(3, 'rpc__mgmt_stop_server_listening', 'Q', [output('status', errorStatus)], null),
      method(
        4,
        'rpc__mgmt_inq_princ_name',
        'Q',
        [
          input('authn_proto', u32),
          input('princ_name_size', u32),
          output('princ_name', { kind: 'string', unit: 'char', size: null }),
          output('status', errorStatus),
        ],
        null,
      ),
    ]),
  ],
};
