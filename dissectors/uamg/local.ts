/** A member that Windows serves to programs of its own machine only. */
interface LocalMember {
  /** What it returns there. */
  readonly returns: string;
  readonly purpose: string;
}

/**
 * Members that [MS-UAMG] keeps off the wire, by `Interface::Member` (properties with `get` or `put`): what they return
 * and are for where a program calls them on its own machine.
 */
export const LOCAL_MEMBERS: Readonly<Record<string, LocalMember>> = {
  'IAutomaticUpdates::Pause': { returns: 'nothing', purpose: 'pauses Automatic Updates for up to eight hours' },
  'IAutomaticUpdates::Resume': { returns: 'nothing', purpose: 'ends that pause' },
  'IAutomaticUpdates::ShowSettingsDialog': { returns: 'nothing', purpose: 'shows the settings to the user' },
  'IAutomaticUpdates::Settings': {
    returns: 'an IAutomaticUpdatesSettings',
    purpose: 'gives when and how updates are installed',
  },
  'IAutomaticUpdates::ServiceEnabled': {
    returns: 'VARIANT_BOOL',
    purpose: 'says whether all that Automatic Updates needs is there',
  },
  'IAutomaticUpdates::EnableService': { returns: 'nothing', purpose: 'starts what Automatic Updates needs' },
  'IUpdate::IsHidden': { returns: 'nothing', purpose: 'hides the update from users, or shows it again' },
  'IUpdate::AcceptEula': { returns: 'nothing', purpose: 'accepts the license terms for the machine' },
  'IUpdate::CopyFromCache': {
    returns: 'nothing',
    purpose: 'copies the downloaded files of the update into a folder',
  },
  'IUpdate2::CopyToCache': { returns: 'nothing', purpose: 'puts files of the update into the cache' },
  'IUpdateCollection::Copy': { returns: 'an IUpdateCollection', purpose: 'makes a copy that is not read-only' },
  'IWindowsDriverUpdate2::CopyToCache': { returns: 'nothing', purpose: 'puts files of the driver into the cache' },
  'IUpdateSearcher::BeginSearch': {
    returns: 'an ISearchJob',
    purpose: 'begins a search that calls back when it is done',
  },
  'IUpdateSearcher::EndSearch': { returns: 'an ISearchResult', purpose: 'gives what such a search found' },
  'IUpdateSession::WebProxy': { returns: 'an IWebProxy', purpose: 'gives or sets the proxy of the session' },
  'IUpdateSession::CreateUpdateDownloader': {
    returns: 'an IUpdateDownloader',
    purpose: 'makes what downloads updates',
  },
  'IUpdateSession::CreateUpdateInstaller': { returns: 'an IUpdateInstaller', purpose: 'makes what installs updates' },
  'IUpdateServiceManager::AddService': {
    returns: 'an IUpdateService',
    purpose: 'registers a service from its authorization cabinet',
  },
  'IUpdateServiceManager::UnregisterServiceWithAU': {
    returns: 'nothing',
    purpose: 'takes a service away from Automatic Updates',
  },
};
