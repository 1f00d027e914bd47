import type { ServedObject, ServedValue } from '../server/dispatch.js';
import type { Model, UpdateModel } from './model.js';
import { changeable, fixed, thing } from './thing.js';

const SOFTWARE = ['IUpdate5', 'IUpdate4', 'IUpdate3', 'IUpdate2', 'IUpdate'];
const DRIVER = ['IWindowsDriverUpdate5', 'IWindowsDriverUpdate4', 'IWindowsDriverUpdate3', 'IWindowsDriverUpdate2', 'IWindowsDriverUpdate', 'IUpdate'];
const ACTIONS = { install: 'daInstallation', uninstall: 'daUninstallation', detect: 'daDetection' } as const;

/** Updates and categories of a model as objects: one object each, so that an update met twice is the same (3.20, 3.6). */
export class Catalog {
  readonly model: Model;
  private readonly updates = new Map<string, ServedObject>();
  private readonly categories = new Map<string, ServedObject>();

  constructor(model: Model) {
    this.model = model;
  }

  find(id: string): UpdateModel | undefined {
    return this.model.updates.find((one) => one.id.toLowerCase() === id.toLowerCase());
  }

  update(update: UpdateModel): ServedObject {
    let made = this.updates.get(update.id);
    if (made === undefined) this.updates.set(update.id, (made = this.make(update)));
    return made;
  }

  collection(updates: readonly UpdateModel[], readOnly = false): ServedObject {
    return changeable('IUpdateCollection', updates.map((one) => this.update(one)), readOnly);
  }

  /** ICategory (3.6). */
  category(id: string): ServedObject | null {
    const found = this.model.categories.find((one) => one.id === id);
    if (found === undefined) return null;
    let made = this.categories.get(id);
    if (made === undefined) {
      made = thing({
        interfaces: ['ICategory'],
        get: {
          Name: found.name, CategoryID: found.id, Description: found.description, Order: found.order, Type: found.type, Image: null, Parent: () => (found.parent === null ? null : this.category(found.parent)),
          Children: () => this.categoriesOf(this.model.categories.filter((one) => one.parent === id).map((one) => one.id)),
          Updates: () => this.collection(this.model.updates.filter((one) => one.categories.includes(id)), true),
        },
      });
      this.categories.set(id, made);
    }
    return made;
  }

  categoriesOf(ids: readonly string[]): ServedObject {
    return fixed('ICategoryCollection', ids.flatMap((id) => this.category(id) ?? []));
  }

  /** Top categories of the given updates. */
  roots(updates: readonly UpdateModel[]): ServedObject {
    const seen = new Set<string>();
    for (const id of updates.flatMap((one) => one.categories)) {
      let at = this.model.categories.find((one) => one.id === id);
      for (let depth = 0; at?.parent != null && depth < 64; depth++) {
        const up = at.parent;
        at = this.model.categories.find((one) => one.id === up) ?? undefined;
      }
      if (at !== undefined) seen.add(at.id);
    }
    return this.categoriesOf([...seen]);
  }

  private make(u: UpdateModel): ServedObject {
    const behavior = (): ServedObject => thing({ interfaces: ['IInstallationBehavior'], get: { CanRequestUserInput: false, Impact: 'iiNormal', RebootBehavior: u.rebootRequired ? 'irbAlwaysRequiresReboot' : 'irbNeverReboots', RequiresNetworkConnectivity: false } });
    const strings = (items: readonly string[]) => (): ServedValue => changeable('IStringCollection', [...items], true);
    const driver = u.driver;
    const driverProperties: { readonly [name: string]: ServedValue } = driver === null ? {} : {
      DriverClass: driver.class, DriverHardwareID: driver.hardwareId, DriverManufacturer: driver.manufacturer, DriverModel: driver.model, DriverProvider: driver.provider, DriverVerDate: driver.date,
      DeviceProblemNumber: driver.problem, DeviceStatus: driver.status,
    };
    return thing({
      interfaces: u.type === 'driver' ? DRIVER : SOFTWARE,
      get: {
        Title: u.title, AutoSelectOnWebSites: u.autoSelect, BundledUpdates: () => this.collection(u.bundles.flatMap((id) => this.find(id) ?? []), true), CanRequireSource: false, Categories: () => this.categoriesOf(u.categories),
        Deadline: (u.deadline === null ? { vt: 'VT_EMPTY', value: null } : { vt: 'VT_DATE', value: u.deadline }), DeltaCompressedContentAvailable: false, DeltaCompressedContentPreferred: true, Description: u.description,
        EulaAccepted: u.eula === null, EulaText: u.eula, HandlerID: null, Identity: () => identity(u.id, u.revision), Image: null, InstallationBehavior: behavior, IsBeta: u.beta, IsDownloaded: u.downloaded, IsHidden: u.hidden,
        IsInstalled: u.installed, IsMandatory: u.mandatory, IsUninstallable: u.uninstallable, Languages: strings(u.languages), LastDeploymentChangeTime: u.changed, MaxDownloadSize: u.maxSize, MinDownloadSize: u.minSize,
        MoreInfoUrls: strings(u.urls), MsrcSeverity: u.severity, RecommendedCpuSpeed: 0, RecommendedHardDiskSpace: 0, RecommendedMemory: 0, ReleaseNotes: u.releaseNotes, SecurityBulletinIDs: strings(u.bulletins),
        SupersededUpdateIDs: strings(u.supersedes), SupportUrl: u.supportUrl, Type: u.type === 'driver' ? 'utDriver' : 'utSoftware', UninstallationNotes: u.uninstallNotes, UninstallationBehavior: () => (u.uninstallable ? behavior() : null),
        UninstallationSteps: strings(u.uninstallSteps), KBArticleIDs: strings(u.kb), DeploymentAction: ACTIONS[u.action], DownloadPriority: 'dpNormal', DownloadContents: () => fixed('IUpdateDownloadContentCollection', []),
        RebootRequired: u.rebootRequired, IsPresent: u.present, CveIDs: strings(u.cves), BrowseOnly: u.browseOnly, PerUser: u.perUser, AutoSelection: 'asLetWindowsUpdateDecide', AutoDownload: 'adLetWindowsUpdateDecide',
        WindowsDriverUpdateEntries: () => fixed('IWindowsDriverUpdateEntryCollection', [thing({ interfaces: ['IWindowsDriverUpdateEntry'], get: driverProperties })]), ...driverProperties,
      },
    });
  }
}

/** IUpdateIdentity (3.32). */
export function identity(id: string, revision: number): ServedObject {
  return thing({ interfaces: ['IUpdateIdentity'], get: { UpdateID: id, RevisionNumber: revision } });
}
