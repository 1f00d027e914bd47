import { bstr, date, i32, input, itf, retval, variantBool } from '../../src/ndr/describe.js';
import type { Interface } from '../../src/ndr/types.js';
import { hidden, member, propget, uamgInterface } from './rows.js';
import { autoDownloadMode, autoSelectionMode } from './types.js';

/** Driver updates ([MS-UAMG] 3.20, 3.48, 3.50). */
export const driverUpdateInterfaces: readonly Interface[] = [
  uamgInterface('IWindowsDriverUpdate', 'b383cd1a-5ce9-4504-9f63-764b1236f191', 'IUpdate', '3.20', [
    propget(52, 53, 'DriverClass', 0x60030001, '3.20.9.1', bstr),
    propget(53, 54, 'DriverHardwareID', 0x60030002, '3.20.9.2', bstr),
    propget(54, 55, 'DriverManufacturer', 0x60030003, '3.20.9.3', bstr),
    propget(55, 56, 'DriverModel', 0x60030004, '3.20.9.4', bstr),
    propget(56, 57, 'DriverProvider', 0x60030005, '3.20.9.5', bstr),
    propget(57, 58, 'DriverVerDate', 0x60030006, '3.20.9.6', date),
    propget(58, 59, 'DeviceProblemNumber', 0x60030007, '3.20.9.7', i32),
    propget(59, 60, 'DeviceStatus', 0x60030008, '3.20.9.8', i32),
  ]),
  uamgInterface('IWindowsDriverUpdate2', '615c4269-7a48-43bd-96b7-bf6ca27d6c3e', 'IWindowsDriverUpdate', '3.20', [
    propget(60, 61, 'RebootRequired', 0x60040001, '3.20.10.1', variantBool),
    propget(61, 62, 'IsPresent', 0x60040003, '3.20.10.2', variantBool),
    propget(62, 63, 'CveIDs', 0x60040004, '3.20.10.3', itf('IStringCollection')),
    hidden(63, 'method', 'CopyToCache', 0x60040002),
  ]),
  uamgInterface('IWindowsDriverUpdate3', '49ebd502-4a96-41bd-9e3e-4c5057f4250c', 'IWindowsDriverUpdate2', '3.20', [
    propget(64, 65, 'BrowseOnly', 0x60050001, '3.20.11.1', variantBool),
  ]),
  uamgInterface('IWindowsDriverUpdate4', '004c6a2b-0c19-4c69-9f5c-a269b2560db9', 'IWindowsDriverUpdate3', '3.20', [
    propget(65, 66, 'WindowsDriverUpdateEntries', 0x60060001, '3.20.12.1', itf('IWindowsDriverUpdateEntryCollection')),
    propget(66, 67, 'PerUser', 0x60060002, '3.20.12.2', variantBool),
  ]),
  uamgInterface('IWindowsDriverUpdate5', '70cf5c82-8642-42bb-9dbc-0cfd263c6c4f', 'IWindowsDriverUpdate4', '3.20', [
    propget(67, 68, 'AutoSelection', 0x60070001, '3.20.13.1', autoSelectionMode),
    propget(68, 69, 'AutoDownload', 0x60070002, '3.20.13.2', autoDownloadMode),
  ]),
  uamgInterface('IWindowsDriverUpdateEntry', 'ed8bfe40-a60b-42ea-9652-817dfcfa23ec', 'IDispatch', '3.48', [
    propget(7, 8, 'DriverClass', 0x60030001, '3.48.4.1', bstr),
    propget(8, 9, 'DriverHardwareID', 0x60030002, '3.48.4.2', bstr),
    propget(9, 10, 'DriverManufacturer', 0x60030003, '3.48.4.3', bstr),
    propget(10, 11, 'DriverModel', 0x60030004, '3.48.4.4', bstr),
    propget(11, 12, 'DriverProvider', 0x60030005, '3.48.4.5', bstr),
    propget(12, 13, 'DriverVerDate', 0x60030006, '3.48.4.6', date),
    propget(13, 14, 'DeviceProblemNumber', 0x60030007, '3.48.4.7', i32),
    propget(14, 15, 'DeviceStatus', 0x60030008, '3.48.4.8', i32),
  ]),
  uamgInterface('IWindowsDriverUpdateEntryCollection', '0d521700-a372-4bef-828b-3d00c10adebd', 'IDispatch', '3.50', [
    member(
      7,
      8,
      'propget',
      'Item',
      0,
      '3.50.4.1',
      input('index', i32),
      retval('retval', itf('IWindowsDriverUpdateEntry')),
    ),
    propget(8, 9, '_NewEnum', -4, '3.50.4.2', itf('IUnknown')),
    propget(9, 10, 'Count', 0x60020001, '3.50.4.3', i32),
  ]),
];
