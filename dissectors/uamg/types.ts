import { alias, enum16, named, u32, v1Enum } from '../../src/ndr/describe.js';
import type { Specification } from '../../src/ndr/types.js';

/**
 * The enumerations of [MS-UAMG] 2.2. All are `v1_enum` in the IDL of section 6 but the two that only name bits of a
 * LONG.
 */
export const downloadPriority = v1Enum('DownloadPriority', '2.2.5', {
  dpLow: 1,
  dpNormal: 2,
  dpHigh: 3,
  dpExtraHigh: 4,
});
export const autoSelectionMode = v1Enum('AutoSelectionMode', '2.2.6', {
  asLetWindowsUpdateDecide: 0,
  asAutoSelectIfDownloaded: 1,
  asNeverAutoSelect: 2,
  asAlwaysAutoSelect: 3,
});
export const autoDownloadMode = v1Enum('AutoDownloadMode', '2.2.7', {
  adLetWindowsUpdateDecide: 0,
  adNeverAutoDownload: 1,
  adAlwaysAutoDownload: 2,
});
export const installationImpact = v1Enum('InstallationImpact', '2.2.1', {
  iiNormal: 0,
  iiMinor: 1,
  iiRequiresExclusiveHandling: 2,
});
export const installationRebootBehavior = v1Enum('InstallationRebootBehavior', '2.2.2', {
  irbNeverReboots: 0,
  irbAlwaysRequiresReboot: 1,
  irbCanRequestReboot: 2,
});
export const operationResultCode = v1Enum('OperationResultCode', '2.2.9', {
  orcNotStarted: 0,
  orcInProgress: 1,
  orcSucceeded: 2,
  orcSucceededWithErrors: 3,
  orcFailed: 4,
  orcAborted: 5,
});
export const serverSelection = v1Enum('ServerSelection', '2.2.11', {
  ssDefault: 0,
  ssManagedServer: 1,
  ssWindowsUpdate: 2,
  ssOthers: 3,
});
export const updateType = v1Enum('UpdateType', '2.2.3', { utSoftware: 1, utDriver: 2 });
export const updateOperation = v1Enum('UpdateOperation', '2.2.10', { uoInstallation: 1, uoUninstallation: 2 });
export const deploymentAction = v1Enum('DeploymentAction', '2.2.4', {
  daNone: 0,
  daInstallation: 1,
  daUninstallation: 2,
  daDetection: 3,
});
export const updateExceptionContext = v1Enum('UpdateExceptionContext', '2.2.8', {
  uecGeneral: 1,
  uecWindowsDriver: 2,
  uecWindowsInstaller: 3,
});
export const updateServiceRegistrationState = v1Enum('UpdateServiceRegistrationState', '2.2.13', {
  usrsNotRegistered: 1,
  usrsRegistrationPending: 2,
  usrsRegistered: 3,
});
export const searchScope = v1Enum('SearchScope', '2.2.12', {
  searchScopeDefault: 0,
  searchScopeMachineOnly: 1,
  searchScopeCurrentUserOnly: 2,
  searchScopeMachineAndCurrentUser: 3,
  searchScopeMachineAndAllUsers: 4,
  searchScopeAllUsers: 5,
});
export const addServiceFlag = enum16('AddServiceFlag', '2.2.15', {
  asfAllowPendingRegistration: 1,
  asfAllowOnlineRegistration: 2,
  asfRegisterServiceWithAU: 4,
});
export const updateServiceOption = enum16('UpdateServiceOption', '2.2.14', { usoNonVolatileService: 1 });

export const lcid = alias('LCID', u32);
/** [MS-OAUT] 2.2.29.2, with its pointer. */
export const variant = named('VARIANT');

export const uamgTypes: Specification['types'] = [
  downloadPriority,
  autoSelectionMode,
  autoDownloadMode,
  installationImpact,
  installationRebootBehavior,
  operationResultCode,
  serverSelection,
  updateType,
  updateOperation,
  deploymentAction,
  updateExceptionContext,
  updateServiceRegistrationState,
  searchScope,
  addServiceFlag,
  updateServiceOption,
];
