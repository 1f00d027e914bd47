import type { ServedObject, ServedValue } from '../../src/peer/server/dispatch.js';
import { fixed, stringCollection, updateCollection } from './collections.js';
import type { Behavior, CategoryModel, DeviceModel, ImageModel, UpdateModel } from './model.js';
import { offered, type Profile } from './profiles.js';
import { served, tabled } from './described-object.js';

const SOFTWARE = ['IUpdate5', 'IUpdate4', 'IUpdate3', 'IUpdate2', 'IUpdate'];
/** A driver can be queried for both chains (3.21.4). */
const DRIVER = [
  'IWindowsDriverUpdate5',
  'IWindowsDriverUpdate4',
  'IWindowsDriverUpdate3',
  'IWindowsDriverUpdate2',
  'IWindowsDriverUpdate',
  ...SOFTWARE,
];

const ACTIONS = {
  none: 'daNone',
  install: 'daInstallation',
  uninstall: 'daUninstallation',
  detect: 'daDetection',
} as const;
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

/** Updates and categories by their ids, as they are at one moment. */
export class Index {
  private readonly updates: ReadonlyMap<string, UpdateModel>;
  private readonly categories: ReadonlyMap<string, CategoryModel>;
  private readonly children = new Map<string, CategoryModel[]>();

  constructor(updates: ReadonlyMap<string, UpdateModel>, categories: readonly CategoryModel[]) {
    this.updates = updates;
    this.categories = new Map(categories.map((one) => [one.id.toLowerCase(), one]));
    for (const category of categories.toSorted((a, b) => a.order - b.order)) {
      if (category.parent === null) continue;
      const siblings = this.children.get(category.parent.toLowerCase());
      if (siblings === undefined) this.children.set(category.parent.toLowerCase(), [category]);
      else siblings.push(category);
    }
  }

  update(id: string): UpdateModel | undefined {
    return this.updates.get(id.toLowerCase());
  }

  category(id: string): CategoryModel | undefined {
    return this.categories.get(id.toLowerCase());
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

  /** What an update is deployed for: one that inherits has the actions of what it bundles (2.2.4). */
  actionsOf(update: UpdateModel): ReadonlySet<Exclude<UpdateModel['action'], 'none'>> {
    const actions = new Set<Exclude<UpdateModel['action'], 'none'>>();
    const seen = new Set<UpdateModel>();
    const waiting = [update];
    for (let one = waiting.pop(); one !== undefined && seen.size < MAX_BUNDLED; one = waiting.pop()) {
      if (seen.has(one)) continue;
      seen.add(one);
      if (one.action !== 'none') actions.add(one.action);
      else waiting.push(...one.bundles.flatMap((id) => this.update(id) ?? []));
    }
    return actions;
  }
}

const MAX_DEPTH = 64;
const MAX_BUNDLED = 1000;

/** What the objects of one search, or one history, are made from. */
interface ViewOptions {
  readonly index: Index;
  readonly profile: Profile;
  /** LCID of their texts. */
  readonly locale: number;
  /** The updates that the search found; none for a history. */
  readonly found: readonly UpdateModel[];
}

/**
 * Updates and categories as one search or history shows them, in one locale: an update met twice in it is the same
 * object, and none of them changes afterwards. Nothing is shared between views, so that no client can release what
 * another holds.
 */
export class View {
  private readonly index: Index;
  private readonly profile: Profile;
  private readonly locale: number;
  private readonly found: readonly UpdateModel[];
  private readonly updates = new Map<UpdateModel, WeakRef<ServedObject>>();
  private readonly categories = new Map<CategoryModel, WeakRef<ServedObject>>();

  constructor({ index, profile, locale, found }: ViewOptions) {
    this.index = index;
    this.profile = profile;
    this.locale = locale;
    this.found = found;
  }

  update(update: UpdateModel): ServedObject {
    return once(this.updates, update, () => {
      const [chain, table] = update.type === 'driver' ? [DRIVER, DRIVER_UPDATE] : [SOFTWARE, UPDATE];
      return tabled(offered(this.profile, chain), table, update, this);
    });
  }

  /** Texts of an update in the locale of the view. */
  words(update: UpdateModel): UpdateModel['localized'][number] {
    return localized(update.localized, this.locale) ?? {};
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

  contents({ contents }: UpdateModel): ServedObject {
    const chain = offered(this.profile, ['IUpdateDownloadContent2', 'IUpdateDownloadContent']);
    return fixed('IUpdateDownloadContentCollection', contents.length, (index) => content(chain, contents[index]));
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

  category(category: CategoryModel): ServedObject {
    return once(this.categories, category, () => tabled(['ICategory'], CATEGORY, category, this));
  }

  parentOf({ parent }: CategoryModel): ServedObject | null {
    const found = parent === null ? undefined : this.index.category(parent);
    return found === undefined ? null : this.category(found);
  }

  childrenOf({ id }: CategoryModel): ServedObject {
    return this.categoriesOf(this.index.childrenOf(id));
  }

  /** The updates of a category are those that the search found. */
  updatesOf({ id }: CategoryModel): ServedObject {
    const key = id.toLowerCase();
    return this.collection(
      this.found.filter((one) => one.categories.some((other) => other.toLowerCase() === key)),
      true,
    );
  }

  /** Texts of a category in the locale of the view. */
  wordsOf(category: CategoryModel): CategoryModel['localized'][number] {
    return localized(category.localized, this.locale) ?? {};
  }
}

/** The object of a subject, the same while anybody holds it. */
function once<Subject>(
  known: Map<Subject, WeakRef<ServedObject>>,
  subject: Subject,
  make: () => ServedObject,
): ServedObject {
  let object = known.get(subject)?.deref();
  if (object === undefined) known.set(subject, new WeakRef((object = make())));
  return object;
}

/** Bits of an LCID that name the language without its region ([MS-LCID] 2). */
const PRIMARY_LANGUAGE = 0x3ff;

/** What there is in a locale, or in its language without a region. */
export function localized<Words>(all: Readonly<Record<number, Words>>, locale: number): Words | undefined {
  return all[locale] ?? all[locale & PRIMARY_LANGUAGE];
}

type Property = (u: UpdateModel, view: View) => ServedValue;

const strings =
  (read: (u: UpdateModel, view: View) => readonly string[]): Property =>
  (u, view) =>
    stringCollection(read(u, view), true);

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
  EulaText: (u, view) => (u.eula === null ? null : (view.words(u).eula ?? u.eula)),
  HandlerID: (u) => u.handler,
  Identity: (u) => identity(u.id, u.revision),
  Image: (u, view) => imageOf(u.image, view.words(u).image),
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
  MoreInfoUrls: strings((u, view) => view.words(u).urls ?? u.urls),
  MsrcSeverity: (u) => u.severity,
  RecommendedCpuSpeed: (u) => u.cpu,
  RecommendedHardDiskSpace: (u) => u.disk,
  RecommendedMemory: (u) => u.memory,
  ReleaseNotes: (u, view) => view.words(u).releaseNotes ?? u.releaseNotes,
  SecurityBulletinIDs: strings((u) => u.bulletins),
  SupersededUpdateIDs: strings((u) => u.supersedes),
  SupportUrl: (u, view) => view.words(u).supportUrl ?? u.supportUrl,
  Type: (u) => (u.type === 'driver' ? 'utDriver' : 'utSoftware'),
  UninstallationNotes: (u, view) => view.words(u).uninstallNotes ?? u.uninstallNotes,
  UninstallationBehavior: (u) => (u.uninstallable ? behavior(u.uninstallation) : null),
  UninstallationSteps: strings((u, view) => view.words(u).uninstallSteps ?? u.uninstallSteps),
  KBArticleIDs: strings((u) => u.kb),
  DeploymentAction: (u) => ACTIONS[u.action],
  DownloadPriority: (u) => PRIORITIES[u.priority],
  DownloadContents: (u, view) => view.contents(u),
  RebootRequired: (u) => u.rebootRequired,
  IsPresent: (u) => u.present,
  CveIDs: strings((u) => u.cves),
  BrowseOnly: (u) => u.browseOnly,
  PerUser: (u) => u.perUser,
  AutoSelection: (u) => SELECTION[u.autoSelection],
  AutoDownload: (u) => DOWNLOAD[u.autoDownload],
};

/** ICategory (3.6). */
const CATEGORY: { readonly [name: string]: (category: CategoryModel, view: View) => ServedValue } = {
  Name: (one, view) => view.wordsOf(one).name ?? one.name,
  CategoryID: (one) => one.id,
  Description: (one, view) => view.wordsOf(one).description ?? one.description,
  Order: (one) => one.order,
  Type: (one) => one.type,
  Image: (one, view) => imageOf(one.image, view.wordsOf(one).image),
  Parent: (one, view) => view.parentOf(one),
  Children: (one, view) => view.childrenOf(one),
  Updates: (one, view) => view.updatesOf(one),
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
  // The default entry is the first, as note 22 has it.
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
  return served({ interfaces: ['IUpdateIdentity'], get: { UpdateID: id, RevisionNumber: revision } });
}

/** IInstallationBehavior (3.12). */
function behavior({ input, impact, reboot, network }: Behavior): ServedObject {
  return served({
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
function imageOf(image: ImageModel, words: ImageWords = {}): ServedObject | null {
  return image === null
    ? null
    : served({
        interfaces: ['IImageInformation'],
        get: {
          AltText: words.alt === undefined ? image.alt : words.alt,
          Height: image.height,
          Source: words.source ?? image.source,
          Width: image.width,
        },
      });
}

/** What of an image is another in another locale. */
type ImageWords = { readonly alt?: string | null | undefined; readonly source?: string | undefined };

/** IUpdateDownloadContent2 (3.24). */
function content(interfaces: readonly string[], held: UpdateModel['contents'][number] | undefined): ServedObject {
  return served({
    interfaces,
    get: { DownloadUrl: held?.url ?? null, IsDeltaCompressedContent: held?.delta ?? false },
  });
}
