import { bstr, i32, input, itf, retval, variantBool } from '../../src/ndr/describe.js';
import type { Interface } from '../../src/ndr/types.js';
import { hidden, member, misprinted, propget, propput, uamgInterface } from './rows.js';
import { lcid } from './types.js';

/** Sessions: where a client begins ([MS-UAMG] 3.16). */
export const sessionInterfaces: readonly Interface[] = [
  uamgInterface('IUpdateSession', '816858a4-260d-4260-933a-2585f1abc76b', 'IDispatch', '3.16', [
    propget(7, 8, 'ClientApplicationID', 0x60020001, '3.16.4.1', bstr),
    propput(8, 9, 'ClientApplicationID', 0x60020001, '3.16.4.2', bstr),
    propget(9, 10, 'ReadOnly', 0x60020002, '3.16.4.3', variantBool),
    hidden(10, 'propget', 'WebProxy', 0x60020003),
    hidden(11, 'propput', 'WebProxy', 0x60020003),
    member(12, 13, 'method', 'CreateUpdateSearcher', 0x60020004, '3.16.4.4', retval('retval', itf('IUpdateSearcher'))),
    misprinted(
      hidden(13, 'method', 'CreateUpdateDownloader', 0x60020005),
      'The overview of 3.16.4 calls it Opnum 13NotUsedOnWire with opnum 14; the IDL has Opnum14NotUsedOnWire.',
    ),
    misprinted(
      hidden(14, 'method', 'CreateUpdateInstaller', 0x60020006),
      'The overview of 3.16.4 calls it Opnum 14NotUsedOnWire with opnum 15; the IDL has Opnum15NotUsedOnWire.',
    ),
  ]),
  uamgInterface(
    'IUpdateSession2',
    '91caf7b0-eb23-49ed-9937-c52d817f46f7',
    'IUpdateSession',
    '3.16',
    [
      propget(15, 14, 'UserLocale', 0x60030001, '3.16.5.1', lcid),
      member(16, 15, 'propput', 'UserLocale', 0x60030001, '3.16.5.2', input('lcid', lcid)),
    ],
    'Printed one too low (14, 15): they collide in print with the reserved slots of IUpdateSession, which hold 14 (wire 13) and 15 (wire 14). The vtable has UserLocale at 15 and 16.',
  ),
  uamgInterface(
    'IUpdateSession3',
    '918efd1e-b5d8-4c90-8540-aeb9bdc56f9d',
    'IUpdateSession2',
    '3.16',
    [
      member(
        17,
        16,
        'method',
        'CreateUpdateServiceManager',
        0x60040001,
        '3.16.6.1',
        retval('retval', itf('IUpdateServiceManager2')),
      ),
      member(
        18,
        17,
        'method',
        'QueryHistory',
        0x60040002,
        '3.16.6.2',
        input('criteria', bstr),
        input('startIndex', i32),
        input('count', i32),
        retval('retval', itf('IUpdateHistoryEntryCollection')),
      ),
    ],
    'Printed one too low (16, 17). The vtable, and with it the wire, continues IUpdateSession2 at 17.',
  ),
];
