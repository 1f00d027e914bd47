import { bstr, date, i32, input, itf, retval, variantBool } from '../../src/ndr/describe.js';
import type { Interface } from '../../src/ndr/types.js';
import { hidden, member, misprinted, propget, propput, uamgInterface } from './rows.js';
import { updateServiceRegistrationState, variant } from './types.js';

/** Update services and their registration ([MS-UAMG] 3.40, 3.42, 3.44, 3.46). */
export const servicesInterfaces: readonly Interface[] = [
  uamgInterface('IUpdateService', '76b3b17e-aed6-4da5-85f0-83587f81abe3', 'IDispatch', '3.40', [
    propget(7, 8, 'Name', 0, '3.40.4.1', bstr),
    propget(8, 9, 'ContentValidationCert', 0x60020001, '3.40.4.2', variant),
    misprinted(
      propget(9, 10, 'ExpirationDate', 0x60020002, '3.40.4.3', date),
      'The overview of 3.40.4 prints 9, which is ContentValidationCert’s; the heading prints 10.',
    ),
    propget(10, 11, 'IsManaged', 0x60020003, '3.40.4.4', variantBool),
    propget(11, 12, 'IsRegisteredWithAU', 0x60020004, '3.40.4.5', variantBool),
    propget(12, 13, 'IssueDate', 0x60020005, '3.40.4.6', date),
    propget(13, 14, 'OffersWindowsUpdates', 0x60020006, '3.40.4.7', variantBool),
    propget(14, 15, 'RedirectUrls', 0x60020007, '3.40.4.8', itf('IStringCollection')),
    propget(15, 16, 'ServiceID', 0x60020008, '3.40.4.9', bstr),
    propget(16, 17, 'IsScanPackageService', 0x6002000a, '3.40.4.10', variantBool),
    propget(17, 18, 'CanRegisterWithAU', 0x6002000b, '3.40.4.11', variantBool),
    propget(18, 19, 'ServiceUrl', 0x6002000c, '3.40.4.12', bstr),
    propget(19, 20, 'SetupPrefix', 0x6002000d, '3.40.4.13', bstr),
  ]),
  uamgInterface('IUpdateService2', '1518b460-6518-4172-940f-c75883b24ceb', 'IUpdateService', '3.40', [
    propget(20, 21, 'IsDefaultAUService', 0x60030001, '3.40.5.1', variantBool),
  ]),
  uamgInterface('IUpdateServiceCollection', '9b0353aa-0e52-44ff-b8b0-1f7fa0437f88', 'IDispatch', '3.42', [
    member(7, 8, 'propget', 'Item', 0, '3.42.4.1', input('index', i32), retval('retval', itf('IUpdateService'))),
    propget(8, 9, '_NewEnum', -4, '3.42.4.2', itf('IUnknown')),
    propget(9, 10, 'Count', 0x60020001, '3.42.4.3', i32),
  ]),
  uamgInterface('IUpdateServiceRegistration', 'dde02280-12b3-4e0b-937b-6747f6acb286', 'IDispatch', '3.46', [
    propget(7, 8, 'RegistrationState', 0, '3.46.4.1', updateServiceRegistrationState),
    propget(8, 9, 'ServiceID', 0x60020001, '3.46.4.2', bstr),
    propget(9, 10, 'IsPendingRegistrationWithAU', 0x60020002, '3.46.4.3', variantBool),
    propget(10, 11, 'Service', 0x60020003, '3.46.4.4', itf('IUpdateService2')),
  ]),
  uamgInterface('IUpdateServiceManager', '23857e3c-02ba-44a3-9423-b1c900805f37', 'IDispatch', '3.44', [
    propget(7, 8, 'Services', 0x60020001, '3.44.4.1', itf('IUpdateServiceCollection')),
    hidden(8, 'method', 'AddService', 0x60020002),
    member(9, 10, 'method', 'RegisterServiceWithAU', 0x60020003, '3.44.4.2', input('serviceID', bstr)),
    member(10, 11, 'method', 'RemoveService', 0x60020004, '3.44.4.3', input('serviceID', bstr)),
    hidden(11, 'method', 'UnregisterServiceWithAU', 0x60020005),
    member(
      12,
      13,
      'method',
      'AddScanPackageService',
      0x60020006,
      '3.44.4.4',
      input('serviceName', bstr),
      input('scanFileLocation', bstr),
      { ...input('flags', i32), optional: true },
      retval('ppService', itf('IUpdateService')),
    ),
    member(
      13,
      14,
      'method',
      'SetOption',
      0x60010007,
      '3.44.4.5',
      input('optionName', bstr),
      input('optionValue', variant),
    ),
  ]),
  uamgInterface('IUpdateServiceManager2', '0bb8531d-7e8d-424f-986c-a0b8f60a3e7b', 'IUpdateServiceManager', '3.44', [
    propget(14, 15, 'ClientApplicationID', 0x60030001, '3.44.5.1', bstr),
    propput(15, 16, 'ClientApplicationID', 0x60030001, '3.44.5.2', bstr),
    member(
      16,
      17,
      'method',
      'QueryServiceRegistration',
      0x60030002,
      '3.44.5.3',
      input('serviceID', bstr),
      retval('retval', itf('IUpdateServiceRegistration')),
    ),
    member(
      17,
      18,
      'method',
      'AddService2',
      0x60030003,
      '3.44.5.4',
      input('serviceID', bstr),
      input('flags', i32),
      input('authorizationCabPath', bstr),
      retval('retval', itf('IUpdateServiceRegistration')),
    ),
  ]),
];
