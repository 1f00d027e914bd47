import {
  conformant,
  enum16,
  field,
  filetime,
  guid,
  hresult,
  i32,
  input,
  itf,
  named,
  output,
  struct,
  u16,
  u32,
  u8,
  unique,
  wstring,
} from '../../src/ndr/describe.js';
import type { Parameter, Specification, Type } from '../../src/ndr/types.js';
import { dcomInterface, method } from '../table.js';

const SPEC = 'OPC DA';
const count = input('dwCount', u32);
const errors = output('ppErrors', unique(conformant(hresult, 'dwCount')));
const handles = (name: string): Parameter => input(name, conformant(u32, 'dwCount'));
const list = (name: string, of: Type): Parameter => input(name, conformant(of, 'dwCount'));

const itemState = struct('OPCITEMSTATE', null, [
  field('hClient', u32),
  field('ftTimeStamp', filetime),
  field('wQuality', u16),
  field('wReserved', u16),
  field('vDataValue', named('VARIANT')),
]);
const itemDef = struct('OPCITEMDEF', null, [
  field('szAccessPath', unique(wstring)),
  field('szItemID', unique(wstring)),
  field('bActive', i32),
  field('hClient', u32),
  field('dwBlobSize', u32),
  field('pBlob', unique(conformant(u8, 'dwBlobSize'))),
  field('vtRequestedDataType', u16),
  field('wReserved', u16),
]);
const itemResult = struct('OPCITEMRESULT', null, [
  field('hServer', u32),
  field('vtCanonicalDataType', u16),
  field('wReserved', u16),
  field('dwAccessRights', u32),
  field('dwBlobSize', u32),
  field('pBlob', unique(conformant(u8, 'dwBlobSize'))),
]);
const results = (name: string): Parameter => output(name, unique(conformant(itemResult, 'dwCount')));
const dataChange = [
  input('dwTransid', u32),
  input('hGroup', u32),
  input('hrMasterquality', hresult),
  input('hrMastererror', hresult),
  count,
  handles('phClientItems'),
  list('pvValues', named('VARIANT')),
  list('pwQualities', u16),
  list('pftTimeStamps', filetime),
  list('pErrors', hresult),
];

/**
 * The OPC Data Access 2.05 interfaces that industrial DCOM traffic is made of: the commonest DCOM beside Windows' own,
 * and the proof that tables are all it takes to read an interface that is not Microsoft's.
 */
export const opc: Specification = {
  name: SPEC,
  title: 'OPC Data Access Custom Interface 2.05',
  types: [itemState, itemDef, itemResult],
  classes: [],
  errors: [],
  interfaces: [
    dcomInterface(SPEC, 'IOPCSyncIO', '39c13a52-011e-11d0-9675-0020afd8adb3', 'IUnknown', null, [
      method(
        3,
        'Read',
        null,
        [
          input('dwSource', enum16('OPCDATASOURCE', null, { OPC_DS_CACHE: 1, OPC_DS_DEVICE: 2 })),
          count,
          handles('phServer'),
          output('ppItemValues', unique(conformant(itemState, 'dwCount'))),
          errors,
        ],
        hresult,
      ),
      method(4, 'Write', null, [count, handles('phServer'), list('pItemValues', named('VARIANT')), errors], hresult),
    ]),
    dcomInterface(SPEC, 'IOPCItemMgt', '39c13a54-011e-11d0-9675-0020afd8adb3', 'IUnknown', null, [
      method(3, 'AddItems', null, [count, list('pItemArray', itemDef), results('ppAddResults'), errors], hresult),
      method(
        4,
        'ValidateItems',
        null,
        [count, list('pItemArray', itemDef), input('bBlobUpdate', i32), results('ppValidationResults'), errors],
        hresult,
      ),
      method(5, 'RemoveItems', null, [count, handles('phServer'), errors], hresult),
      method(6, 'SetActiveState', null, [count, handles('phServer'), input('bActive', i32), errors], hresult),
      method(7, 'SetClientHandles', null, [count, handles('phServer'), handles('phClient'), errors], hresult),
      method(8, 'SetDatatypes', null, [count, handles('phServer'), list('pRequestedDatatypes', u16), errors], hresult),
      method(9, 'CreateEnumerator', null, [input('riid', guid), output('ppUnk', itf(null, 'riid'))], hresult),
    ]),
    dcomInterface(SPEC, 'IOPCDataCallback', '39c13a70-011e-11d0-9675-0020afd8adb3', 'IUnknown', null, [
      method(3, 'OnDataChange', null, dataChange, hresult),
      method(4, 'OnReadComplete', null, dataChange, hresult),
      method(
        5,
        'OnWriteComplete',
        null,
        [
          input('dwTransid', u32),
          input('hGroup', u32),
          input('hrMastererr', hresult),
          count,
          handles('pClienthandles'),
          list('pErrors', hresult),
        ],
        hresult,
      ),
      method(6, 'OnCancelComplete', null, [input('dwTransid', u32), input('hGroup', u32)], hresult),
    ]),
  ],
};
