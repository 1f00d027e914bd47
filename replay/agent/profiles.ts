/** An agent as a product has it: what it says of itself, and which interfaces it lacks. */
export interface Profile {
  readonly name: string;
  readonly title: string;
  /** GetInfo's ApiMajorVersion, ApiMinorVersion, ProductVersionString ([MS-UAMG] 3.52.4.1, notes 52 to 54). */
  readonly major: number;
  readonly minor: number;
  readonly product: string;
  /** Interfaces of [MS-UAMG] that it does not have. */
  readonly lacks: readonly string[];
}

/**
 * What came with Windows 8: updates for each user (IUpdate4::PerUser, IUpdateSearcher3::SearchScope) and the hints of
 * IUpdate5. Microsoft's reference of SearchScope tells of agents without IUpdateSearcher3; the specification's notes
 * tell versions only.
 */
const SINCE_8 = ['IUpdate4', 'IUpdate5', 'IWindowsDriverUpdate4', 'IWindowsDriverUpdate5', 'IUpdateSearcher3'];

function seven(name: string, title: string, product: string): Profile {
  return { name, title, major: 6, minor: 0, product, lacks: SINCE_8 };
}

function later(name: string, title: string, product: string): Profile {
  return { name, title, major: 8, minor: 0, product, lacks: [] };
}

/** The products of the specification's appendix B that are still met. Past 10.0 the notes give no number. */
export const PROFILES: readonly Profile[] = [
  seven('win7', 'Windows 7', '7.3.7600.16385'),
  seven('win7sp1', 'Windows 7 with Service Pack 1', '7.5.7601.17514'),
  later('win8', 'Windows 8', '7.8.9200.16693'),
  later('win81', 'Windows 8.1', '7.9.9600.17031'),
  later('win10', 'Windows 10', '10.0.19041.1'),
  later('win11', 'Windows 11', '10.0.26100.1'),
  seven('server2008r2', 'Windows Server 2008 R2', '7.3.7600.16385'),
  seven('server2008r2sp1', 'Windows Server 2008 R2 with Service Pack 1', '7.5.7601.17514'),
  later('server2012', 'Windows Server 2012', '7.8.9200.16693'),
  later('server2012r2', 'Windows Server 2012 R2', '7.9.9600.17031'),
  later('server2016', 'Windows Server 2016', '10.0.14393.0'),
  later('server2019', 'Windows Server 2019', '10.0.17763.1'),
  later('server2022', 'Windows Server 2022', '10.0.20348.1'),
  later('server2025', 'Windows Server 2025', '10.0.26100.1'),
];

export const DEFAULT_PROFILE = 'server2025';

/** The profile of that name. @throws Error that lists the names there are */
export function profileOf(name: string): Profile {
  const found = PROFILES.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`no profile is called ${name}; there are ${PROFILES.map((one) => one.name).join(', ')}`);
  return found;
}

/** The interfaces of a chain that an agent of this profile has. */
export function offered(profile: Profile, interfaces: readonly string[]): readonly string[] {
  return interfaces.filter((one) => !profile.lacks.includes(one));
}
