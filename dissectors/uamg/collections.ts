import { bstr, i32, input, itf, retval, variantBool } from '../../src/ndr/describe.js';
import type { Interface } from '../../src/ndr/types.js';
import { member, propget, uamgInterface } from './rows.js';
import { variant } from './types.js';

/** String collections and agent information ([MS-UAMG] 3.18, 3.52). */
export const collectionsInterfaces: readonly Interface[] = [
  uamgInterface('IStringCollection', 'eff90582-2ddc-480f-a06d-60f3fbc362c3', 'IDispatch', '3.18', [
    member(7, 8, 'propget', 'Item', 0, '3.18.4.1', input('index', i32), retval('retval', bstr)),
    member(8, 9, 'propput', 'Item', 0, '3.18.4.2', input('index', i32), input('value', bstr)),
    propget(9, 10, '_NewEnum', -4, '3.18.4.3', itf('IUnknown')),
    propget(10, 11, 'Count', 0x60020001, '3.18.4.4', i32),
    propget(11, 12, 'ReadOnly', 0x60020002, '3.18.4.5', variantBool),
    member(12, 13, 'method', 'Add', 0x60020003, '3.18.4.6', input('value', bstr), retval('retval', i32)),
    member(13, 14, 'method', 'Clear', 0x60020004, '3.18.4.7'),
    member(14, 15, 'method', 'Copy', 0x60020005, '3.18.4.8', retval('retval', itf('IStringCollection'))),
    member(15, 16, 'method', 'Insert', 0x60020006, '3.18.4.9', input('index', i32), input('value', bstr)),
    member(16, 17, 'method', 'RemoveAt', 0x60020007, '3.18.4.10', input('index', i32)),
  ]),
  uamgInterface('IWindowsUpdateAgentInfo', '85713fa1-7796-4fa2-be3b-e2d6124dd373', 'IDispatch', '3.52', [
    member(
      7,
      8,
      'method',
      'GetInfo',
      0x60020001,
      '3.52.4.1',
      input('varInfoIdentifier', variant),
      retval('retval', variant),
    ),
  ]),
];
