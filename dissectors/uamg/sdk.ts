import type { Interface } from '../../src/ndr/types.js';
import { sdkInterface, type SdkRow } from './rows.js';

const get = 'propget';
const put = 'propput';
const fn = 'method';

const SETTINGS = 'Section 1.9 of [MS-UAMG] lists this IID, but neither text nor IDL follows.';

/**
 * Interfaces of the Windows SDK (wuapi.idl) that [MS-UAMG] leaves out: names only, for those who meet them in a
 * capture. Rows: opnum, kind, name, DISPID.
 */
const rows: readonly (readonly [name: string, iid: string, base: string, methods: readonly SdkRow[]])[] = [
  ['IUpdateLockdown', 'a976c28d-75a1-42aa-94ae-8af8b872089a', 'IUnknown', [[3, fn, 'LockDown', 0x60010001]]],
  [
    'IWebProxy',
    '174c81fe-aecd-4dae-b8a0-2c6318dd86a8',
    'IDispatch',
    [
      [7, get, 'Address', 0x60020001],
      [8, put, 'Address', 0x60020001],
      [9, get, 'BypassList', 0x60020002],
      [10, put, 'BypassList', 0x60020002],
      [11, get, 'BypassProxyOnLocal', 0x60020003],
      [12, put, 'BypassProxyOnLocal', 0x60020003],
      [13, get, 'ReadOnly', 0x60020004],
      [14, get, 'UserName', 0x60020005],
      [15, put, 'UserName', 0x60020005],
      [16, fn, 'SetPassword', 0x60020006],
      [17, fn, 'PromptForCredentials', 0x60020007],
      [18, fn, 'PromptForCredentialsFromHwnd', 0x60020008],
      [19, get, 'AutoDetect', 0x60020009],
      [20, put, 'AutoDetect', 0x60020009],
    ],
  ],
  [
    'ISystemInformation',
    'ade87bf7-7b56-4275-8fab-b9b0e591844b',
    'IDispatch',
    [
      [7, get, 'OemHardwareSupportLink', 0x60020001],
      [8, get, 'RebootRequired', 0x60020002],
    ],
  ],
  [
    'IAutomaticUpdatesSettings',
    '2ee48f22-af3c-405f-8970-f71be12ee9a2',
    'IDispatch',
    [
      [7, get, 'NotificationLevel', 0x60020001],
      [8, put, 'NotificationLevel', 0x60020001],
      [9, get, 'ReadOnly', 0x60020002],
      [10, get, 'Required', 0x60020003],
      [11, get, 'ScheduledInstallationDay', 0x60020004],
      [12, put, 'ScheduledInstallationDay', 0x60020004],
      [13, get, 'ScheduledInstallationTime', 0x60020005],
      [14, put, 'ScheduledInstallationTime', 0x60020005],
      [15, fn, 'Refresh', 0x60020006],
      [16, fn, 'Save', 0x60020007],
    ],
  ],
  [
    'IAutomaticUpdatesSettings2',
    '6abc136a-c3ca-4384-8171-cb2b1e59b8dc',
    'IAutomaticUpdatesSettings',
    [
      [17, get, 'IncludeRecommendedUpdates', 0x60030001],
      [18, put, 'IncludeRecommendedUpdates', 0x60030001],
      [19, fn, 'CheckPermission', 0x60030002],
    ],
  ],
  [
    'IAutomaticUpdatesSettings3',
    'b587f5c3-f57e-485f-bbf5-0d181c5cd0dc',
    'IAutomaticUpdatesSettings2',
    [
      [20, get, 'NonAdministratorsElevated', 0x60040001],
      [21, put, 'NonAdministratorsElevated', 0x60040001],
      [22, get, 'FeaturedUpdatesEnabled', 0x60040002],
      [23, put, 'FeaturedUpdatesEnabled', 0x60040002],
    ],
  ],
  [
    'IUpdateEx',
    '769355a3-c5a0-497c-a606-560a36d2121c',
    'IUpdate5',
    [
      [60, get, 'ExtendedStaticProperty', 0x60080001],
      [61, fn, 'EvaluateExtendedDynamicProperty', 0x60080002],
    ],
  ],
  [
    'IInvalidProductLicenseException',
    'a37d00f5-7bb0-4953-b414-f9e98326f2e8',
    'IUpdateException',
    [[10, get, 'Product', 0x60030001]],
  ],
  [
    'ISearchJob',
    '7366ea16-7a1a-4ea2-b042-973d3e9cd99b',
    'IDispatch',
    [
      [7, get, 'AsyncState', 0x60020001],
      [8, get, 'IsCompleted', 0x60020002],
      [9, fn, 'CleanUp', 0x60020003],
      [10, fn, 'RequestAbort', 0x60020004],
    ],
  ],
  ['ISearchCompletedCallbackArgs', 'a700a634-2850-4c47-938a-9e4b6e5af9a6', 'IDispatch', []],
  ['ISearchCompletedCallback', '88aee058-d4b0-4725-a2f1-814a67ae964c', 'IUnknown', [[3, fn, 'Invoke', 0x60010001]]],
  [
    'IUpdateDownloadResult',
    'bf99af76-b575-42ad-8aa4-33cbb5477af1',
    'IDispatch',
    [
      [7, get, 'HResult', 0x60020001],
      [8, get, 'ResultCode', 0x60020002],
    ],
  ],
  [
    'IDownloadResult',
    'daa4fdd0-4727-4dbe-a1e7-745dca317144',
    'IDispatch',
    [
      [7, get, 'HResult', 0x60020001],
      [8, get, 'ResultCode', 0x60020002],
      [9, fn, 'GetUpdateResult', 0x60020003],
    ],
  ],
  [
    'IDownloadProgress',
    'd31a5bac-f719-4178-9dbb-5e2cb47fd18a',
    'IDispatch',
    [
      [7, get, 'CurrentUpdateBytesDownloaded', 0x60020001],
      [8, get, 'CurrentUpdateBytesToDownload', 0x60020002],
      [9, get, 'CurrentUpdateIndex', 0x60020003],
      [10, get, 'PercentComplete', 0x60020004],
      [11, get, 'TotalBytesDownloaded', 0x60020005],
      [12, get, 'TotalBytesToDownload', 0x60020006],
      [13, fn, 'GetUpdateResult', 0x60020007],
      [14, get, 'CurrentUpdateDownloadPhase', 0x60020008],
      [15, get, 'CurrentUpdatePercentComplete', 0x60020009],
    ],
  ],
  [
    'IDownloadJob',
    'c574de85-7358-43f6-aae8-8697e62d8ba7',
    'IDispatch',
    [
      [7, get, 'AsyncState', 0x60020001],
      [8, get, 'IsCompleted', 0x60020002],
      [9, get, 'Updates', 0x60020003],
      [10, fn, 'CleanUp', 0x60020004],
      [11, fn, 'GetProgress', 0x60020005],
      [12, fn, 'RequestAbort', 0x60020006],
    ],
  ],
  ['IDownloadCompletedCallbackArgs', 'fa565b23-498c-47a0-979d-e7d5b1813360', 'IDispatch', []],
  ['IDownloadCompletedCallback', '77254866-9f5b-4c8e-b9e2-c77a8530d64b', 'IUnknown', [[3, fn, 'Invoke', 0x60010001]]],
  [
    'IDownloadProgressChangedCallbackArgs',
    '324ff2c6-4981-4b04-9412-57481745ab24',
    'IDispatch',
    [[7, get, 'Progress', 0x60020001]],
  ],
  [
    'IDownloadProgressChangedCallback',
    '8c3f1cdd-6173-4591-aebd-a56a53ca77c1',
    'IUnknown',
    [[3, fn, 'Invoke', 0x60010001]],
  ],
  [
    'IUpdateDownloader',
    '68f1c6f9-7ecc-4666-a464-247fe12496c3',
    'IDispatch',
    [
      [7, get, 'ClientApplicationID', 0x60020001],
      [8, put, 'ClientApplicationID', 0x60020001],
      [9, get, 'IsForced', 0x60020002],
      [10, put, 'IsForced', 0x60020002],
      [11, get, 'Priority', 0x60020003],
      [12, put, 'Priority', 0x60020003],
      [13, get, 'Updates', 0x60020004],
      [14, put, 'Updates', 0x60020004],
      [15, fn, 'BeginDownload', 0x60020005],
      [16, fn, 'Download', 0x60020006],
      [17, fn, 'EndDownload', 0x60020007],
    ],
  ],
  [
    'IUpdateDownloaderEx',
    '94726306-f12a-482a-a774-fb4f870d98c0',
    'IUpdateDownloader',
    [
      [18, fn, 'BeginDownload2', 0x60090001],
      [19, fn, 'Download2', 0x60090002],
    ],
  ],
  [
    'IUpdateInstallationResult',
    'd940f0f8-3cbb-4fd0-993f-471e7f2328ad',
    'IDispatch',
    [
      [7, get, 'HResult', 0x60020001],
      [8, get, 'RebootRequired', 0x60020002],
      [9, get, 'ResultCode', 0x60020003],
    ],
  ],
  [
    'IInstallationResult',
    'a43c56d6-7451-48d4-af96-b6cd2d0d9b7a',
    'IDispatch',
    [
      [7, get, 'HResult', 0x60020001],
      [8, get, 'RebootRequired', 0x60020002],
      [9, get, 'ResultCode', 0x60020003],
      [10, fn, 'GetUpdateResult', 0x60020004],
    ],
  ],
  [
    'IInstallationProgress',
    '345c8244-43a3-4e32-a368-65f073b76f36',
    'IDispatch',
    [
      [7, get, 'CurrentUpdateIndex', 0x60020001],
      [8, get, 'CurrentUpdatePercentComplete', 0x60020002],
      [9, get, 'PercentComplete', 0x60020003],
      [10, fn, 'GetUpdateResult', 0x60020004],
    ],
  ],
  [
    'IInstallationJob',
    '5c209f0b-bad5-432a-9556-4699bed2638a',
    'IDispatch',
    [
      [7, get, 'AsyncState', 0x60020001],
      [8, get, 'IsCompleted', 0x60020002],
      [9, get, 'Updates', 0x60020003],
      [10, fn, 'CleanUp', 0x60020004],
      [11, fn, 'GetProgress', 0x60020005],
      [12, fn, 'RequestAbort', 0x60020006],
    ],
  ],
  ['IInstallationCompletedCallbackArgs', '250e2106-8efb-4705-9653-ef13c581b6a1', 'IDispatch', []],
  [
    'IInstallationCompletedCallback',
    '45f4f6f3-d602-4f98-9a8a-3efa152ad2d3',
    'IUnknown',
    [[3, fn, 'Invoke', 0x60010001]],
  ],
  [
    'IInstallationProgressChangedCallbackArgs',
    'e4f14e1e-689d-4218-a0b9-bc189c484a01',
    'IDispatch',
    [[7, get, 'Progress', 0x60020001]],
  ],
  [
    'IInstallationProgressChangedCallback',
    'e01402d5-f8da-43ba-a012-38894bd048f1',
    'IUnknown',
    [[3, fn, 'Invoke', 0x60010001]],
  ],
  [
    'IUpdateInstaller',
    '7b929c68-ccdc-4226-96b1-8724600b54c2',
    'IDispatch',
    [
      [7, get, 'ClientApplicationID', 0x60020001],
      [8, put, 'ClientApplicationID', 0x60020001],
      [9, get, 'IsForced', 0x60020002],
      [10, put, 'IsForced', 0x60020002],
      [11, get, 'ParentHwnd', 0x60020003],
      [12, put, 'ParentHwnd', 0x60020003],
      [13, put, 'ParentWindow', 0x60020004],
      [14, get, 'ParentWindow', 0x60020004],
      [15, get, 'Updates', 0x60020005],
      [16, put, 'Updates', 0x60020005],
      [17, fn, 'BeginInstall', 0x60020006],
      [18, fn, 'BeginUninstall', 0x60020007],
      [19, fn, 'EndInstall', 0x60020008],
      [20, fn, 'EndUninstall', 0x60020009],
      [21, fn, 'Install', 0x6002000a],
      [22, fn, 'RunWizard', 0x6002000b],
      [23, get, 'IsBusy', 0x6002000c],
      [24, fn, 'Uninstall', 0x6002000d],
      [25, get, 'AllowSourcePrompts', 0x6002000e],
      [26, put, 'AllowSourcePrompts', 0x6002000e],
      [27, get, 'RebootRequiredBeforeInstallation', 0x6002000f],
    ],
  ],
  [
    'IUpdateInstaller2',
    '3442d4fe-224d-4cee-98cf-30e0c4d229e6',
    'IUpdateInstaller',
    [
      [28, get, 'ForceQuiet', 0x60030001],
      [29, put, 'ForceQuiet', 0x60030001],
    ],
  ],
  [
    'IUpdateInstaller3',
    '16d11c35-099a-48d0-8338-5fae64047f8e',
    'IUpdateInstaller2',
    [
      [30, get, 'AttemptCloseAppsIfNecessary', 0x60040001],
      [31, put, 'AttemptCloseAppsIfNecessary', 0x60040001],
    ],
  ],
  ['IUpdateInstaller4', 'ef8208ea-2304-492d-9109-23813b0958e1', 'IUpdateInstaller3', [[32, fn, 'Commit', null]]],
  [
    'IInstallationAgent',
    '925cbc18-a2ea-4648-bf1c-ec8badcfe20a',
    'IDispatch',
    [[7, fn, 'RecordInstallationResult', 0x60020001]],
  ],
];

/** What the specification says of interfaces that it does not describe. */
const errata: Readonly<Record<string, string>> = {
  IAutomaticUpdatesSettings: SETTINGS,
  IAutomaticUpdatesSettings2: SETTINGS,
  IAutomaticUpdatesSettings3: SETTINGS,
  IInvalidProductLicenseException:
    'Section 1.9 of [MS-UAMG] gives this IID to IUpdateExceptionCollection, whose own is 503626a3-8e14-4729-9355-0fe664bd2321.',
};

export const sdkInterfaces: readonly Interface[] = rows.map(([name, iid, base, methods]) =>
  sdkInterface(name, iid, base, methods, errata[name]),
);
