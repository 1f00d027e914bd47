import { bstr, i32, input, itf, retval, variantBool } from '../../src/ndr/describe.js';
import type { Interface } from '../../src/ndr/types.js';
import { hidden, member, propget, propput, uamgInterface } from './rows.js';
import { operationResultCode, searchScope, serverSelection, updateExceptionContext } from './types.js';

/** Searches and their results ([MS-UAMG] 3.14, 3.28, 3.30, 3.38). */
export const searcherInterfaces: readonly Interface[] = [
  uamgInterface('IUpdateSearcher', '8f45abf1-f9ae-4b95-a933-f0f66e5056ea', 'IDispatch', '3.38', [
    propget(7, 8, 'CanAutomaticallyUpgradeService', 0x60020001, '3.38.4.1', variantBool),
    propput(8, 9, 'CanAutomaticallyUpgradeService', 0x60020001, '3.38.4.2', variantBool),
    propget(9, 10, 'ClientApplicationID', 0x60020003, '3.38.4.3', bstr),
    propput(10, 11, 'ClientApplicationID', 0x60020003, '3.38.4.4', bstr),
    propget(11, 12, 'IncludePotentiallySupersededUpdates', 0x60020004, '3.38.4.5', variantBool),
    propput(12, 13, 'IncludePotentiallySupersededUpdates', 0x60020004, '3.38.4.6', variantBool),
    propget(13, 14, 'ServerSelection', 0x60020007, '3.38.4.7', serverSelection),
    propput(14, 15, 'ServerSelection', 0x60020007, '3.38.4.8', serverSelection),
    hidden(15, 'method', 'BeginSearch', 0x60020008),
    hidden(16, 'method', 'EndSearch', 0x60020009),
    member(17, 18, 'method', 'EscapeString', 0x6002000a, '3.38.4.9', input('unescaped', bstr), retval('retval', bstr)),
    member(
      18,
      19,
      'method',
      'QueryHistory',
      0x6002000b,
      '3.38.4.10',
      input('startIndex', i32),
      input('count', i32),
      retval('retval', itf('IUpdateHistoryEntryCollection')),
    ),
    member(
      19,
      20,
      'method',
      'Search',
      0x6002000c,
      '3.38.4.11',
      input('criteria', bstr),
      retval('retval', itf('ISearchResult')),
    ),
    propget(20, 21, 'Online', 0x6002000d, '3.38.4.12', variantBool),
    propput(21, 22, 'Online', 0x6002000d, '3.38.4.13', variantBool),
    member(22, 23, 'method', 'GetTotalHistoryCount', 0x6002000e, '3.38.4.14', retval('retval', i32)),
    propget(23, 24, 'ServiceID', 0x6002000f, '3.38.4.15', bstr),
    propput(24, 25, 'ServiceID', 0x6002000f, '3.38.4.16', bstr),
  ]),
  uamgInterface('IUpdateSearcher2', '4cbdcb2d-1589-4beb-bd1c-3e582ff0add0', 'IUpdateSearcher', '3.38', [
    propget(25, 26, 'IgnoreDownloadPriority', 0x60030001, '3.38.5.1', variantBool),
    propput(26, 27, 'IgnoreDownloadPriority', 0x60030001, '3.38.5.2', variantBool),
  ]),
  uamgInterface('IUpdateSearcher3', '04c6895d-eaf2-4034-97f3-311de9be413a', 'IUpdateSearcher2', '3.38', [
    propget(27, 28, 'SearchScope', 0x60040001, '3.38.6.1', searchScope),
    propput(28, 29, 'SearchScope', 0x60040001, '3.38.6.2', searchScope),
  ]),
  uamgInterface('ISearchResult', 'd40cff62-e08c-4498-941a-01e25f0fd33c', 'IDispatch', '3.14', [
    propget(7, 8, 'ResultCode', 0x60020001, '3.14.4.1', operationResultCode),
    propget(8, 9, 'RootCategories', 0x60020002, '3.14.4.2', itf('ICategoryCollection')),
    propget(9, 10, 'Updates', 0x60020003, '3.14.4.3', itf('IUpdateCollection')),
    propget(10, 11, 'Warnings', 0x60020004, '3.14.4.4', itf('IUpdateExceptionCollection')),
  ]),
  uamgInterface('IUpdateException', 'a376dd5e-09d4-427f-af7c-fed5b6e1c1d6', 'IDispatch', '3.28', [
    propget(7, 8, 'Message', 0, '3.28.4.1', bstr),
    propget(8, 9, 'HResult', 0x60020001, '3.28.4.2', i32),
    propget(9, 10, 'Context', 0x60020002, '3.28.4.3', updateExceptionContext),
  ]),
  uamgInterface(
    'IUpdateExceptionCollection',
    '503626a3-8e14-4729-9355-0fe664bd2321',
    'IDispatch',
    '3.30',
    [
      member(7, 8, 'propget', 'Item', 0, '3.30.4.1', input('index', i32), retval('retval', itf('IUpdateException'))),
      propget(8, 9, '_NewEnum', -4, '3.30.4.2', itf('IUnknown')),
      propget(9, 10, 'Count', 0x60020001, '3.30.4.3', i32),
    ],
    'Section 1.9 prints a37d00f5-7bb0-4953-b414-f9e98326f2e8, which is IInvalidProductLicenseException; the IDL of section 6 has the right IID.',
  ),
];
