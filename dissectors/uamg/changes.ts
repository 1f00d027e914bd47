/**
 * Members that change the server beyond the object they are called on, and what they change. Members that are kept off
 * the wire can be reached late bound all the same.
 */
export const uamgChanges: Readonly<Record<string, string>> = {
  'IAutomaticUpdates::DetectNow': 'Automatic Updates looks for updates (3.4.4.1)',
  'IAutomaticUpdates::Pause': 'Automatic Updates pauses',
  'IAutomaticUpdates::Resume': 'Automatic Updates goes on',
  'IAutomaticUpdates::EnableService': 'Automatic Updates is set going',
  'IUpdateServiceManager::AddService': 'a service is registered with the agent',
  'IUpdateServiceManager::RegisterServiceWithAU': 'a service becomes that of Automatic Updates (3.44.4.2)',
  'IUpdateServiceManager::RemoveService': 'a service is removed from the agent (3.44.4.3)',
  'IUpdateServiceManager::UnregisterServiceWithAU': 'a service is no longer that of Automatic Updates',
  'IUpdateServiceManager::AddScanPackageService': 'a scan package becomes a service of the agent (3.44.4.4)',
  'IUpdateServiceManager2::AddService2': 'a service is registered with the agent (3.44.5.4)',
  'put IUpdate::IsHidden': 'an update is hidden or shown',
  'IUpdate::AcceptEula': 'the terms of an update are accepted',
  'IUpdate::CopyFromCache': 'an update is copied',
  'IUpdate2::CopyToCache': 'the cache of an update changes',
  'IUpdateDownloader::Download': 'updates are downloaded',
  'IUpdateDownloader::BeginDownload': 'updates are downloaded',
  'IUpdateInstaller::Install': 'updates are installed',
  'IUpdateInstaller::BeginInstall': 'updates are installed',
  'IUpdateInstaller::Uninstall': 'updates are removed',
  'IUpdateInstaller::BeginUninstall': 'updates are removed',
  'IUpdateInstaller::RunWizard': 'updates are installed',
};
