import type { WellKnownClass } from '../table.js';

function known(clsid: string, name: string, progId: string | null, spec = 'SDK'): WellKnownClass {
  return { clsid, name, progId, spec };
}

/** Classes that DCOM traffic carries and no specification names with a CLSID, and the ProgIDs of some that are named. */
export const CLASSES: readonly WellKnownClass[] = [
  known('4cb43d7f-7eee-4906-8698-60da1c38f2fe', 'UpdateSession', 'Microsoft.Update.Session', 'MS-UAMG'),
  known('b699e5e8-67ff-4177-88b0-3684a3388bfb', 'UpdateSearcher', 'Microsoft.Update.Searcher', 'MS-UAMG'),
  known('5baf654a-5a07-4264-a255-9ff54c7151e7', 'UpdateDownloader', 'Microsoft.Update.Downloader', 'MS-UAMG'),
  known('d2e0fe7f-d23e-48e1-93c0-6fa8cc346474', 'UpdateInstaller', 'Microsoft.Update.Installer', 'MS-UAMG'),
  known('13639463-00db-4646-803d-528026140d88', 'UpdateCollection', 'Microsoft.Update.UpdateColl', 'MS-UAMG'),
  known('72c97d74-7c3b-40ae-b77d-abdb22eba6fb', 'StringCollection', 'Microsoft.Update.StringColl', 'MS-UAMG'),
  known('f8d253d9-89a4-4daa-87b6-1168369f0b21', 'UpdateServiceManager', 'Microsoft.Update.ServiceManager', 'MS-UAMG'),
  known('bfe18e9c-6d87-4450-b37c-e02f0b373803', 'AutomaticUpdates', 'Microsoft.Update.AutoUpdate', 'MS-UAMG'),
  known('c2e88c2f-6f5b-4aaa-894b-55c847ad3a2d', 'WindowsUpdateAgentInfo', 'Microsoft.Update.AgentInfo', 'MS-UAMG'),
  known('c01b9ba0-bea7-41ba-b604-d0a36f469133', 'SystemInformation', 'Microsoft.Update.SystemInfo'),
  known('650503cf-9108-4ddc-a2ce-6c2341e1c582', 'WebProxy', 'Microsoft.Update.WebProxy'),
  known('49b2791a-b1ae-4c90-9b8e-e860ba07f889', 'MMC20.Application', 'MMC20.Application.1'),
  known('9ba05972-f6a8-11cf-a442-00a0c90a8f39', 'ShellWindows', null),
  known('c08afd90-f2a1-11d1-8455-00a0c91f3880', 'ShellBrowserWindow', null),
  known('00024500-0000-0000-c000-000000000046', 'Excel.Application', 'Excel.Application'),
  known('0006f03a-0000-0000-c000-000000000046', 'Outlook.Application', 'Outlook.Application'),
  known('8bc3f05e-d86b-11d0-a075-00c04fb68820', 'WbemLevel1Login', null, 'MS-WMI'),
  known('0f87369f-a4e5-4cfc-bd3e-73e6154572dd', 'TaskScheduler', 'Schedule.Service.1', 'MS-TSCH'),
  known('4991d34b-80a1-4291-83b6-3328366b9097', 'BackgroundCopyManager', null),
  known('76a64158-cb41-11d1-8b02-00600806d9b6', 'SWbemLocator', 'WbemScripting.SWbemLocator.1'),
  known('72c24dd5-d70a-438b-8a42-98424b88afb8', 'WshShell', 'WScript.Shell'),
  known('f935dc22-1cf0-11d0-adb9-00c04fd58a0b', 'WshShell', 'WScript.Shell.1'),
  known('0d43fe01-f093-11cf-8940-00a0c9054228', 'FileSystemObject', 'Scripting.FileSystemObject'),
  known('ee09b103-97e0-11cf-978f-00a02463e06f', 'Dictionary', 'Scripting.Dictionary'),
  known('304ce942-6e39-40d8-943a-b913c40c9cd4', 'NetFwMgr', 'HNetCfg.FwMgr'),
  known('e2b3c97f-6ae1-41ac-817a-f6f92166d7dd', 'NetFwPolicy2', 'HNetCfg.FwPolicy2'),
  known('13486d50-4821-11d2-a494-3cb306c10000', 'OpcServerList', 'OPC.ServerList.1'),
  known('000c101c-0000-0000-c000-000000000046', 'MsiServer', null),
  known('000c1090-0000-0000-c000-000000000046', 'WindowsInstaller', 'WindowsInstaller.Installer'),
];
