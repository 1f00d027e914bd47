import { bstr, date, i32, input, itf, retval } from '../../src/ndr/describe.js';
import type { Interface } from '../../src/ndr/types.js';
import { member, misprinted, propget, uamgInterface } from './rows.js';
import { operationResultCode, serverSelection, updateOperation } from './types.js';

/** Update history ([MS-UAMG] 3.32, 3.34). */
export const historyInterfaces: readonly Interface[] = [
  uamgInterface('IUpdateHistoryEntry', 'be56a644-af0e-4e0e-a311-c1d8e695cbff', 'IDispatch', '3.32', [
    propget(7, 8, 'Operation', 0x60020001, '3.32.4.1', updateOperation),
    propget(8, 9, 'ResultCode', 0x60020002, '3.32.4.2', operationResultCode),
    propget(9, 10, 'HResult', 0x60020003, '3.32.4.3', i32),
    propget(10, 11, 'Date', 0x60020004, '3.32.4.4', date),
    propget(11, 12, 'UpdateIdentity', 0x60020005, '3.32.4.5', itf('IUpdateIdentity')),
    propget(12, 13, 'Title', 0x60020006, '3.32.4.6', bstr),
    propget(13, 14, 'Description', 0x60020007, '3.32.4.7', bstr),
    propget(14, 15, 'UnmappedResultCode', 0x60020008, '3.32.4.8', i32),
    propget(15, 16, 'ClientApplicationID', 0x60020009, '3.32.4.9', bstr),
    propget(16, 17, 'ServerSelection', 0x6002000a, '3.32.4.10', serverSelection),
    propget(17, 18, 'ServiceID', 0x6002000b, '3.32.4.11', bstr),
    misprinted(
      propget(18, 19, 'UninstallationSteps', 0x6002000c, '3.32.4.12', itf('IStringCollection')),
      'The overview of 3.32.4 prints 18, which is ServiceID’s; the heading prints 19.',
    ),
    propget(19, 20, 'UninstallationNotes', 0x6002000d, '3.32.4.13', bstr),
    propget(20, 21, 'SupportUrl', 0x6002000e, '3.32.4.14', bstr),
  ]),
  uamgInterface('IUpdateHistoryEntry2', 'c2bfb780-4539-4132-ab8c-0a8772013ab6', 'IUpdateHistoryEntry', '3.32', [
    propget(21, 22, 'Categories', 0x60030001, '3.32.5.1', itf('ICategoryCollection')),
  ]),
  uamgInterface('IUpdateHistoryEntryCollection', 'a7f04f3c-a290-435b-aadf-a116c3357a5c', 'IDispatch', '3.34', [
    member(7, 8, 'propget', 'Item', 0, '3.34.4.1', input('index', i32), retval('retval', itf('IUpdateHistoryEntry'))),
    propget(8, 9, '_NewEnum', -4, '3.34.4.2', itf('IUnknown')),
    propget(9, 10, 'Count', 0x60020001, '3.34.4.3', i32),
  ]),
];
