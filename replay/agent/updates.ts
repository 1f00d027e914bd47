import type { ServedObject, ServedValue } from '../../src/peer/server/dispatch.js';
import type { Behavior, CategoryModel, DeviceModel, ImageModel, Model, UpdateModel } from './model.js';
import { fixed, lazily, stringCollection, tabled, thing, updateCollection } from './thing.js';

const SOFTWARE = ['IUpdate5', 'IUpdate4', 'IUpdate3', 'IUpdate2', 'IUpdate'];
const DRIVER = [
  'IWindowsDriverUpdate5',
  'IWindowsDriverUpdate4',
  'IWindowsDriverUpdate3',
  'IWindowsDriverUpdate2',
  'IWindowsDriverUpdate',
  'IUpdate',
];

const ACTIONS = { install: 'daInstallation', uninstall: 'daUninstallation', detect: 'daDetection' } as const;
const PRIORITIES = { low: 'dpLow', normal: 'dpNormal', high: 'dpHigh', 'extra-high': 'dpExtraHigh' } as const;
const SELECTION = {
  agent: 'asLetWindowsUpdateDecide',
  'if-downloaded': 'asAutoSelectIfDownloaded',
  never: 'asNeverAutoSelect',
  always: 'asAlwaysAutoSelect',
} as const;
const DOWNLOAD = {
  agent: 'adLetWindowsUpdateDecide',
  never: 'adNeverAutoDownload',
  always: 'adAlwaysAutoDownload',
} as const;
const IMPACTS = { normal: 'iiNormal', minor: 'iiMinor', exclusive: 'iiRequiresExclusiveHandling' } as const;
const REBOOTS = { never: 'irbNeverReboots', always: 'irbAlwaysRequiresReboot', can: 'irbCanRequestReboot' } as const;

/** A model with its updates and categories by their ids. */
export class Index {
  readonly model: Model;
  private readonly updates: ReadonlyMap<string, UpdateModel>;
  private readonly categories: ReadonlyMap<string, CategoryModel>;
  private readonly members = new Map<string, UpdateModel[]>();
  private readonly children = new Map<string, CategoryModel[]>();

  constructor(model: Model) {
    this.model = model;
    this.updates = new Map(model.updates.map((one) => [one.id.toLowerCase(), one]));
    this.categories = new Map(model.categories.map((one) => [one.id.toLowerCase(), one]));
    for (const update of model.updates) for (const id of update.categories) push(this.members, id, update);
    for (const category of model.categories.toSorted((a, b) => a.order - b.order))
      if (category.parent !== null) push(this.children, category.parent, category);
  }

  update(id: string): UpdateModel | undefined {
    return this.updates.get(id.toLowerCase());
  }

  category(id: string): CategoryModel | undefined {
    return this.categories.get(id.toLowerCase());
  }

  inCategory(id: string): readonly UpdateModel[] {
    return this.members.get(id.toLowerCase()) ?? [];
  }

  childrenOf(id: string): readonly CategoryModel[] {
    return this.children.get(id.toLowerCase()) ?? [];
  }

  /** The category without a parent above one; null where the way up does not end. */
  root(id: string): CategoryModel | null {
    let at = this.category(id);
    for (let depth = 0; at !== undefined && depth < MAX_DEPTH; depth++) {
      if (at.parent === null) return at;
      at = this.category(at.parent);
    }
    return null;
  }
}

const MAX_DEPTH = 64;

function push<T>(lists: Map<string, T[]>, id: string, item: T): void {
  const key = id.toLowerCase();
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/**
 * Updates and categories as one search or history shows them, in one locale: an update met twice in it is the same
 * object. Nothing is
 * shared between views, so that no client can release what another holds.
 */
export class View {
  private readonly index: Index;
  private readonly locale: number;
  private readonly updates = new Map<UpdateModel, ServedObject>();
  private readonly categories = new Map<CategoryModel, ServedObject>();

  constructor(index: Index, locale: number) {
    this.index = index;
    this.locale = locale;
  }

  update(update: UpdateModel): ServedObject {
    let made = this.updates.get(update);
    if (made === undefined)
      this.updates.set(
        update,
        (made =
          update.type === 'driver'
            ? tabled(DRIVER, DRIVER_UPDATE, update, this)
            : tabled(SOFTWARE, UPDATE, update, this)),
      );
    return made;
  }

  /** Texts of an update in the locale of the view. */
  words(update: UpdateModel): UpdateModel['localized'][number] {
    return update.localized[this.locale] ?? {};
  }

  bundle({ bundles }: UpdateModel): ServedObject {
    return this.collection(
      bundles.flatMap((id) => this.index.update(id) ?? []),
      true,
    );
  }

  collection(updates: readonly UpdateModel[], readOnly: boolean): ServedObject {
    return updateCollection(
      updates.map((one) => () => this.update(one)),
      readOnly,
    );
  }

  categoriesOf(categories: readonly CategoryModel[]): ServedObject {
    return fixed('ICategoryCollection', categories.length, (index) =>
      this.category(categories[index] as CategoryModel),
    );
  }

  /** Categories by their ids, those that are none left out. */
  named(ids: readonly string[]): ServedObject {
    return this.categoriesOf(ids.flatMap((id) => this.index.category(id) ?? []));
  }

  /** Top categories of the given updates (3.14.4.2). */
  roots(updates: readonly UpdateModel[]): ServedObject {
    return this.categoriesOf(
      [...new Set(updates.flatMap((one) => one.categories).flatMap((id) => this.index.root(id) ?? []))].toSorted(
        (a, b) => a.order - b.order,
      ),
    );
  }

  /** ICategory (3.6). */
  private category(category: CategoryModel): ServedObject {
    let made = this.categories.get(category);
    if (made === undefined)
      this.categories.set(
        category,
        (made = lazily(['ICategory'], () => ({
          get: {
            Name: category.localized[this.locale]?.name ?? category.name,
            CategoryID: category.id,
            Description: category.localized[this.locale]?.description ?? category.description,
            Order: category.order,
            Type: category.type,
            Image: () => imageOf(category.image),
            Parent: () => this.parentOf(category),
            Children: () => this.categoriesOf(this.index.childrenOf(category.id)),
            Updates: () => this.collection(this.index.inCategory(category.id), true),
          },
        }))),
      );
    return made;
  }

  private parentOf({ parent }: CategoryModel): ServedObject | null {
    const found = parent === null ? undefined : this.index.category(parent);
    return found === undefined ? null : this.category(found);
  }
}

type Property = (u: UpdateModel, view: View) => ServedValue;

const strings =
  (read: (u: UpdateModel) => readonly string[]): Property =>
  (u) =>
    stringCollection(read(u), true);

/**
 * IUpdate to IUpdate5 (3.20): one table for all updates, so that an update that is read costs no more than one that is
 * not.
 */
const UPDATE: { readonly [name: string]: Property } = {
  Title: (u, view) => view.words(u).title ?? u.title,
  AutoSelectOnWebSites: (u) => u.autoSelect,
  BundledUpdates: (u, view) => view.bundle(u),
  CanRequireSource: (u) => u.source,
  Categories: (u, view) => view.named(u.categories),
  Deadline: (u) => (u.deadline === null ? { vt: 'VT_EMPTY', value: null } : { vt: 'VT_DATE', value: u.deadline }),
  DeltaCompressedContentAvailable: (u) => u.delta,
  DeltaCompressedContentPreferred: (u) => u.deltaPreferred,
  Description: (u, view) => view.words(u).description ?? u.description,
  EulaAccepted: (u) => u.eula === null || u.eulaAccepted,
  EulaText: (u) => u.eula,
  HandlerID: (u) => u.handler,
  Identity: (u) => identity(u.id, u.revision),
  Image: (u) => imageOf(u.image),
  InstallationBehavior: (u) => behavior(u.installation),
  IsBeta: (u) => u.beta,
  IsDownloaded: (u) => u.downloaded,
  IsHidden: (u) => u.hidden,
  IsInstalled: (u) => u.installed,
  IsMandatory: (u) => u.mandatory,
  IsUninstallable: (u) => u.uninstallable,
  Languages: strings((u) => u.languages),
  LastDeploymentChangeTime: (u) => u.changed,
  MaxDownloadSize: (u) => u.maxSize,
  MinDownloadSize: (u) => u.minSize,
  MoreInfoUrls: strings((u) => u.urls),
  MsrcSeverity: (u) => u.severity,
  RecommendedCpuSpeed: (u) => u.cpu,
  RecommendedHardDiskSpace: (u) => u.disk,
  RecommendedMemory: (u) => u.memory,
  ReleaseNotes: (u, view) => view.words(u).releaseNotes ?? u.releaseNotes,
  SecurityBulletinIDs: strings((u) => u.bulletins),
  SupersededUpdateIDs: strings((u) => u.supersedes),
  SupportUrl: (u) => u.supportUrl,
  Type: (u) => (u.type === 'driver' ? 'utDriver' : 'utSoftware'),
  UninstallationNotes: (u) => u.uninstallNotes,
  UninstallationBehavior: (u) => (u.uninstallable ? behavior(u.uninstallation) : null),
  UninstallationSteps: strings((u) => u.uninstallSteps),
  KBArticleIDs: strings((u) => u.kb),
  DeploymentAction: (u) => ACTIONS[u.action],
  DownloadPriority: (u) => PRIORITIES[u.priority],
  DownloadContents: (u) =>
    fixed('IUpdateDownloadContentCollection', u.contents.length, (index) => content(u.contents[index])),
  RebootRequired: (u) => u.rebootRequired,
  IsPresent: (u) => u.present,
  CveIDs: strings((u) => u.cves),
  BrowseOnly: (u) => u.browseOnly,
  PerUser: (u) => u.perUser,
  AutoSelection: (u) => SELECTION[u.autoSelection],
  AutoDownload: (u) => DOWNLOAD[u.autoDownload],
};

/** IWindowsDriverUpdateEntry (3.48); a driver update has the same of its default entry. */
const DEVICE: { readonly [name: string]: (device: DeviceModel) => ServedValue } = {
  DriverClass: (one) => one.class,
  DriverHardwareID: (one) => one.hardwareId,
  DriverManufacturer: (one) => one.manufacturer,
  DriverModel: (one) => one.model,
  DriverProvider: (one) => one.provider,
  DriverVerDate: (one) => one.date,
  DeviceProblemNumber: (one) => one.problem,
  DeviceStatus: (one) => one.status,
};

/** IWindowsDriverUpdate to IWindowsDriverUpdate5 (3.20). */
const DRIVER_UPDATE: { readonly [name: string]: Property } = {
  ...UPDATE,
  ...Object.fromEntries(
    Object.entries(DEVICE).map(([name, read]): [string, Property] => [name, (u) => read(u.driver ?? NO_DEVICE)]),
  ),
  WindowsDriverUpdateEntries: (u) => {
    const devices = [u.driver ?? NO_DEVICE, ...u.devices];
    return fixed('IWindowsDriverUpdateEntryCollection', devices.length, (index) =>
      tabled(['IWindowsDriverUpdateEntry'], DEVICE, devices[index] ?? NO_DEVICE, null),
    );
  },
};

/** Of a driver whose model tells nothing. */
const NO_DEVICE: DeviceModel = {
  class: '',
  hardwareId: '',
  manufacturer: null,
  model: '',
  provider: '',
  date: '2025-01-01T00:00:00',
  problem: 0,
  status: 0,
};

/** IUpdateIdentity (3.36). */
export function identity(id: string, revision: number): ServedObject {
  return thing({ interfaces: ['IUpdateIdentity'], get: { UpdateID: id, RevisionNumber: revision } });
}

/** IInstallationBehavior (3.12). */
function behavior({ input, impact, reboot, network }: Behavior): ServedObject {
  return thing({
    interfaces: ['IInstallationBehavior'],
    get: {
      CanRequestUserInput: input,
      Impact: IMPACTS[impact],
      RebootBehavior: REBOOTS[reboot],
      RequiresNetworkConnectivity: network,
    },
  });
}

/** IImageInformation (3.10). */
function imageOf(image: ImageModel): ServedObject | null {
  return image === null
    ? null
    : thing({
        interfaces: ['IImageInformation'],
        get: { AltText: image.alt, Height: image.height, Source: image.source, Width: image.width },
      });
}

/** IUpdateDownloadContent2 (3.24). */
function content(held: UpdateModel['contents'][number] | undefined): ServedObject {
  return thing({
    interfaces: ['IUpdateDownloadContent2', 'IUpdateDownloadContent'],
    get: { DownloadUrl: held?.url ?? null, IsDeltaCompressedContent: held?.delta ?? false },
  });
}
