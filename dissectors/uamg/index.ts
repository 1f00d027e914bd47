import type { Specification } from '../../src/ndr/types.js';
import { automaticUpdatesInterfaces } from './automatic-updates.js';
import { collectionsInterfaces } from './collections.js';
import { driverUpdateInterfaces } from './driver-update.js';
import { historyInterfaces } from './history.js';
import { uamgRules } from './rules.js';
import { LOCAL_MEMBERS } from './local.js';
import { uamgChanges } from './changes.js';
import { uamgStory } from './story.js';
import { searcherInterfaces } from './searcher.js';
import { servicesInterfaces } from './services.js';
import { sessionInterfaces } from './session.js';
import { updateInterfaces } from './update.js';
import { sdkInterfaces } from './sdk.js';
import { uamgTypes } from './types.js';

/**
 * [MS-UAMG], the Windows Update Agent Management Protocol, and the interfaces of the SDK around it. Printed opnums:
 * docs/wire-notes.md.
 */
export const uamg: Specification = {
  name: 'MS-UAMG',
  title: 'Windows Update Agent Manager Remote Protocol',
  types: uamgTypes,
  rules: uamgRules,
  story: uamgStory,
  localMembers: LOCAL_MEMBERS,
  flagParameters: {
    'IUpdateServiceManager2::AddService2.flags': 'AddServiceFlag',
    'IUpdateServiceManager::AddScanPackageService.flags': 'UpdateServiceOption',
    'IUpdateServiceManager2::AddScanPackageService.flags': 'UpdateServiceOption',
  },
  changes: uamgChanges,
  errors: [],
  // As Microsoft's wuapi.h names it.
  library: {
    guid: 'b596cc9f-56e5-419e-a622-e01bb457431e',
    version: { major: 2, minor: 0 },
    name: 'WUApiLib',
    documentation: 'WUAPI 2.0 Type Library',
  },
  classes: [
    {
      clsid: '72c97d74-7c3b-40ae-b77d-abdb22eba6fb',
      name: 'StringCollection',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IStringCollection',
    },
    {
      clsid: 'b699e5e8-67ff-4177-88b0-3684a3388bfb',
      name: 'UpdateSearcher',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IUpdateSearcher3',
    },
    {
      clsid: '650503cf-9108-4ddc-a2ce-6c2341e1c582',
      name: 'WebProxy',
      spec: 'SDK',
      section: null,
      interface: 'IWebProxy',
    },
    {
      clsid: 'c01b9ba0-bea7-41ba-b604-d0a36f469133',
      name: 'SystemInformation',
      spec: 'SDK',
      section: null,
      interface: 'ISystemInformation',
    },
    {
      clsid: 'c2e88c2f-6f5b-4aaa-894b-55c847ad3a2d',
      name: 'WindowsUpdateAgentInfo',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IWindowsUpdateAgentInfo',
    },
    {
      clsid: 'bfe18e9c-6d87-4450-b37c-e02f0b373803',
      name: 'AutomaticUpdates',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IAutomaticUpdates2',
    },
    {
      clsid: '13639463-00db-4646-803d-528026140d88',
      name: 'UpdateCollection',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IUpdateCollection',
    },
    {
      clsid: '5baf654a-5a07-4264-a255-9ff54c7151e7',
      name: 'UpdateDownloader',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IUpdateDownloader',
    },
    {
      clsid: 'd2e0fe7f-d23e-48e1-93c0-6fa8cc346474',
      name: 'UpdateInstaller',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IUpdateInstaller2',
    },
    {
      clsid: '4cb43d7f-7eee-4906-8698-60da1c38f2fe',
      name: 'UpdateSession',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IUpdateSession3',
    },
    {
      clsid: 'f8d253d9-89a4-4daa-87b6-1168369f0b21',
      name: 'UpdateServiceManager',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IUpdateServiceManager2',
    },
    {
      clsid: '317e92fc-1679-46fd-a0b5-f08914dd8623',
      name: 'InstallationAgent',
      spec: 'MS-UAMG',
      section: '1.9',
      interface: 'IInstallationAgent',
    },
  ],
  interfaces: [
    ...collectionsInterfaces,
    ...automaticUpdatesInterfaces,
    ...updateInterfaces,
    ...driverUpdateInterfaces,
    ...searcherInterfaces,
    ...historyInterfaces,
    ...sessionInterfaces,
    ...servicesInterfaces,
    ...sdkInterfaces,
  ],
};
