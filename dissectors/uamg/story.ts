import type { Story, StoryColumn, StoryEvent, StoryOption } from '../../src/ndr/types.js';
import { criteriaAttributes } from './criteria.js';

const YES_NO = { true: 'yes', false: 'no' };

/**
 * Properties of a searcher that decide what Search finds ([MS-UAMG] 3.38.1), with what holds where a client leaves them
 * alone.
 */
const SEARCH_OPTIONS: readonly StoryOption[] = [
  {
    name: 'ServerSelection',
    unset: 'the server’s default (ssDefault)',
    words: {
      ssDefault: 'the server’s default',
      ssManagedServer: 'the managed server (WSUS)',
      ssWindowsUpdate: 'Windows Update',
      ssOthers: 'the service named by ServiceID',
    },
  },
  { name: 'ServiceID', unset: 'none' },
  {
    name: 'Online',
    unset: 'yes',
    words: { true: 'yes, the service is asked', false: 'no, only what is known already' },
  },
  {
    name: 'SearchScope',
    unset: 'the server’s default (searchScopeDefault)',
    words: {
      searchScopeDefault: 'the server’s default',
      searchScopeMachineOnly: 'the machine only',
      searchScopeCurrentUserOnly: 'the current user only',
      searchScopeMachineAndCurrentUser: 'the machine and the current user',
      searchScopeMachineAndAllUsers: 'the machine and all users',
      searchScopeAllUsers: 'all users',
    },
  },
  { name: 'IncludePotentiallySupersededUpdates', unset: 'no', words: YES_NO },
  { name: 'CanAutomaticallyUpgradeService', unset: 'the server’s default', words: YES_NO },
  { name: 'IgnoreDownloadPriority', unset: 'no', words: YES_NO },
  { name: 'ClientApplicationID', unset: 'not given' },
];

function column(name: string, title: string, path: string = name, show?: StoryColumn['show']): StoryColumn {
  return show === undefined ? { name, title, path } : { name, title, path, show };
}

function event(topic: string, on: string, text: string): StoryEvent {
  return { on, topic, text };
}

const RESULT = [
  column('ResultCode', 'Result'),
  column('count', 'Updates', 'Updates.Count'),
  column('warnings', 'Warnings', 'Warnings.Count'),
  column('warningCodes', 'Warning codes', 'Warnings[].HResult', 'hresult'),
  column('rootCategories', 'Root categories', 'RootCategories[].Name'),
];

/** What [MS-UAMG] sessions are about, for people who want to know what was searched and what came back. */
export const uamgStory: Story = {
  topics: [
    { name: 'search', title: 'Searches' },
    { name: 'history', title: 'History queries' },
    { name: 'service', title: 'Service manager' },
    { name: 'agent', title: 'Agent' },
  ],
  events: [
    {
      on: 'IUpdateSearcher::Search',
      topic: 'search',
      text: 'searched for “{criteria}”',
      criteria: { parameter: 'criteria', attributes: criteriaAttributes },
      options: SEARCH_OPTIONS,
      result: RESULT,
    },
    {
      on: 'IUpdateSearcher::QueryHistory',
      topic: 'history',
      text: 'asked for {count} history entries from {startIndex} on',
      result: [column('count', 'Entries', 'Count')],
    },
    {
      on: 'IUpdateSession3::QueryHistory',
      topic: 'history',
      text: 'asked for {count} history entries from {startIndex} on, criteria “{criteria}”',
      result: [column('count', 'Entries', 'Count')],
    },
    event('history', 'IUpdateSearcher::GetTotalHistoryCount', 'asked how long the history is: {retval} entries'),
    event(
      'service',
      'IUpdateServiceManager::RegisterServiceWithAU',
      'registered the service {serviceID} with Automatic Updates',
    ),
    event('service', 'IUpdateServiceManager::RemoveService', 'removed the service {serviceID}'),
    event(
      'service',
      'IUpdateServiceManager::AddScanPackageService',
      'added the scan package service “{serviceName}” from {scanFileLocation} (flags {flags})',
    ),
    event('service', 'IUpdateServiceManager::SetOption', 'set the option {optionName} to {optionValue}'),
    {
      on: 'IUpdateServiceManager2::AddService2',
      topic: 'service',
      text: 'added the service {serviceID} (flags {flags}, authorization cabinet {authorizationCabPath})',
      result: [
        column('RegistrationState', 'State'),
        column('pending', 'Waits for Automatic Updates', 'IsPendingRegistrationWithAU'),
      ],
    },
    {
      on: 'IUpdateServiceManager2::QueryServiceRegistration',
      topic: 'service',
      text: 'asked how the service {serviceID} is registered',
      result: [column('RegistrationState', 'State'), column('name', 'Service', 'Service.Name')],
    },
    event('agent', 'IAutomaticUpdates::DetectNow', 'told Automatic Updates to look for updates now'),
    event('agent', 'IWindowsUpdateAgentInfo::GetInfo', 'asked for {varInfoIdentifier}: {retval}'),
  ],
  tables: [
    {
      name: 'updates',
      title: 'Updates',
      noun: ['update', 'updates'],
      key: ['Identity.UpdateID', 'Identity.RevisionNumber'],
      of: [
        'IUpdate',
        'IUpdate2',
        'IUpdate3',
        'IUpdate4',
        'IUpdate5',
        'IWindowsDriverUpdate',
        'IWindowsDriverUpdate2',
        'IWindowsDriverUpdate3',
        'IWindowsDriverUpdate4',
        'IWindowsDriverUpdate5',
      ],
      columns: [
        column('Title', 'Title'),
        column('KBArticleIDs', 'KB', 'KBArticleIDs[]'),
        column('MsrcSeverity', 'Severity'),
        column('CveIDs', 'CVE', 'CveIDs[]'),
        column('SecurityBulletinIDs', 'Bulletins', 'SecurityBulletinIDs[]'),
        column('Categories', 'Categories', 'Categories[].Name'),
        column('Type', 'Type'),
        column('MaxDownloadSize', 'Size, at most', 'MaxDownloadSize', 'bytes'),
        column('MinDownloadSize', 'Size, at least', 'MinDownloadSize', 'bytes'),
        column('Deadline', 'Deadline', 'Deadline', 'date'),
        column('IsInstalled', 'Installed'),
        column('IsHidden', 'Hidden'),
        column('IsDownloaded', 'Downloaded'),
        column('IsMandatory', 'Mandatory'),
        column('RebootRequired', 'Needs restart'),
        column('LastDeploymentChangeTime', 'Changed', 'LastDeploymentChangeTime', 'date'),
        column('UpdateID', 'Identifier', 'Identity.UpdateID'),
        column('RevisionNumber', 'Revision', 'Identity.RevisionNumber'),
        column('DeploymentAction', 'Action'),
        column('SupersededUpdateIDs', 'Supersedes', 'SupersededUpdateIDs[]'),
        column('BundledUpdates', 'Bundles', 'BundledUpdates[].Title'),
        column('Languages', 'Languages', 'Languages[]'),
        column('IsBeta', 'Beta'),
        column('IsPresent', 'Present'),
        column('IsUninstallable', 'Can be removed'),
        column('BrowseOnly', 'Optional'),
        column('PerUser', 'Per user'),
        column('EulaAccepted', 'Terms accepted'),
        column('SupportUrl', 'Support'),
        column('MoreInfoUrls', 'More', 'MoreInfoUrls[]'),
        column('DownloadUrls', 'Downloads', 'DownloadContents[].DownloadUrl'),
        column('Description', 'Description'),
        column('ReleaseNotes', 'Release notes'),
        column('DriverClass', 'Driver class'),
        column('DriverHardwareID', 'Hardware'),
        column('DriverManufacturer', 'Manufacturer'),
        column('DriverModel', 'Model'),
        column('DriverProvider', 'Provider'),
        column('DriverVerDate', 'Driver date', 'DriverVerDate', 'date'),
      ],
    },
    {
      name: 'warnings',
      title: 'Warnings and exceptions',
      noun: ['warning', 'warnings'],
      of: ['IUpdateException'],
      key: [],
      columns: [
        column('HResult', 'Code', 'HResult', 'hresult'),
        column('Message', 'Message'),
        column('Context', 'Context'),
      ],
    },
    {
      name: 'history',
      title: 'History',
      noun: ['history entry', 'history entries'],
      of: ['IUpdateHistoryEntry', 'IUpdateHistoryEntry2'],
      key: ['Date', 'Title', 'UpdateIdentity.UpdateID'],
      columns: [
        column('Date', 'Date', 'Date', 'date'),
        column('Title', 'Title'),
        column('Operation', 'Operation'),
        column('ResultCode', 'Result'),
        column('HResult', 'Code', 'HResult', 'hresult'),
        column('UnmappedResultCode', 'Code of the handler', 'UnmappedResultCode', 'hresult'),
        column('UpdateID', 'Update', 'UpdateIdentity.UpdateID'),
        column('RevisionNumber', 'Revision', 'UpdateIdentity.RevisionNumber'),
        column('ClientApplicationID', 'By'),
        column('ServerSelection', 'Server'),
        column('ServiceID', 'Service'),
        column('Categories', 'Categories', 'Categories[].Name'),
        column('SupportUrl', 'Support'),
      ],
    },
    {
      name: 'services',
      title: 'Services',
      noun: ['service', 'services'],
      of: ['IUpdateService', 'IUpdateService2'],
      key: ['ServiceID'],
      columns: [
        column('Name', 'Name'),
        column('ServiceID', 'Identifier'),
        column('IsManaged', 'Managed'),
        column('IsRegisteredWithAU', 'With Automatic Updates'),
        column('IsDefaultAUService', 'Default'),
        column('OffersWindowsUpdates', 'Offers Windows updates'),
        column('IsScanPackageService', 'Scan package'),
        column('CanRegisterWithAU', 'Can register'),
        column('IssueDate', 'Issued', 'IssueDate', 'date'),
        column('ExpirationDate', 'Expires', 'ExpirationDate', 'date'),
        column('ServiceUrl', 'Address'),
        column('RedirectUrls', 'Redirects', 'RedirectUrls[]'),
        column('SetupPrefix', 'Setup prefix'),
      ],
    },
    {
      name: 'categories',
      title: 'Categories',
      noun: ['category', 'categories'],
      of: ['ICategory'],
      key: ['CategoryID'],
      columns: [
        column('Name', 'Name'),
        column('Type', 'Type'),
        column('CategoryID', 'Identifier'),
        column('Description', 'Description'),
        column('Parent', 'Under', 'Parent.Name'),
        column('Children', 'Children', 'Children[].Name'),
        column('Order', 'Order'),
      ],
    },
    {
      name: 'automatic-updates',
      title: 'Automatic Updates',
      noun: ['state', 'states'],
      of: ['IAutomaticUpdatesResults'],
      key: [],
      columns: [
        column('LastSearchSuccessDate', 'Last search that succeeded', 'LastSearchSuccessDate', 'date'),
        column(
          'LastInstallationSuccessDate',
          'Last installation that succeeded',
          'LastInstallationSuccessDate',
          'date',
        ),
      ],
    },
  ],
};
