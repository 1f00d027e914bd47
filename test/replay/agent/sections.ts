/**
 * What an agent must do by the sections of [MS-UAMG] chapter 3 that describe no member, and what shows it; members stand
 * in plan.ts. Sections that say "None." need no row.
 */
export interface SectionRow {
  readonly must: string;
  /** `plan`: the steps of plan.ts, early and late bound; otherwise the file and the title of a test beside this one. */
  readonly shown: 'plan' | 'twice' | 'japanese' | readonly [file: string, title: string];
}

/** A section that asks for nothing that a call could show. */
export interface Unshown {
  readonly because: string;
}

const plan = (must: string): SectionRow => ({ must, shown: 'plan' });
/** Data that never changes once it is there. */
const fixed = (what: string): SectionRow => ({ must: `${what}: the same at each get`, shown: 'twice' });
const localized = (what: string): SectionRow => ({ must: `${what} in the locale of who made it`, shown: 'japanese' });
const loaded = (what: string): SectionRow => plan(`${what} come from the model`);
const by = (must: string, file: string, title: string): SectionRow => ({ must, shown: [file, title] });
const introduces: Unshown = { because: 'it introduces its interfaces' };

/** Interfaces of a server and where its sections lie: `3.2` is a server, `3.3` its client. */
const SERVERS: readonly number[] = Array.from({ length: 26 }, (_, at) => 2 + 2 * at);

const RESERVED = by(
  'reserved slots are not on the wire',
  'members.test.ts',
  'answers %s bound as the specification says',
);
const STRICT = by(
  'NDR is checked strictly, and no method throws',
  '../../peer/server/hostile.test.ts',
  'answers any bytes for any opnum of any interface, on any object, and goes on',
);
/** Overviews with slots that are reserved; the others say only how NDR is checked and that nothing is thrown. */
const WITH_RESERVED = ['3.4.4', '3.16.4', '3.20.4', '3.20.5', '3.20.10', '3.22.4', '3.38.4', '3.44.4'];
/** Overviews of servers with several interfaces; all others end with x.4. */
const OVERVIEWS: Readonly<Record<number, number>> = { 4: 5, 16: 6, 20: 13, 24: 5, 32: 5, 38: 6, 40: 5, 44: 5 };

export const SECTIONS: Readonly<Record<string, SectionRow | Unshown>> = {
  '3.1': plan('servers lead to one another as the figure has them'),
  ...Object.fromEntries(SERVERS.map((number): [string, Unshown] => [`3.${number}`, introduces])),
  ...Object.fromEntries(SERVERS.map((number): [string, Unshown] => [`3.${number + 1}`, introduces])),
  ...Object.fromEntries(
    SERVERS.flatMap((number) =>
      Array.from({ length: (OVERVIEWS[number] ?? 4) - 3 }, (_, at) => `3.${number}.${at + 4}`),
    ).map((section): [string, SectionRow] => [section, WITH_RESERVED.includes(section) ? RESERVED : STRICT]),
  ),
  // Where a client gets each object from: the plan goes no other way.
  ...Object.fromEntries(
    SERVERS.map((number): [string, SectionRow] => [`3.${number + 1}.4`, plan('an instance is had where this says')]),
  ),

  '3.2.1': fixed('results of automatic updates'),
  '3.2.3': by(
    'results are those of when the object was made',
    'time.test.ts',
    'DetectNow searches, and new objects tell of it',
  ),
  '3.4.1': fixed('Results'),
  '3.4.3': plan('Results is there from the beginning'),
  '3.6.1': by('Updates holds what the search found', 'objects.test.ts', 'are those that the search found (3.6.1)'),
  '3.6.3': localized('texts and image'),
  '3.8.1': fixed('categories'),
  '3.8.3': localized('categories'),
  '3.10.1': fixed('an image'),
  '3.10.3': localized('alternate text'),
  '3.12.1': fixed('a behavior'),
  '3.12.3': loaded('behaviors'),
  '3.14.1': fixed('a result'),
  '3.14.3': localized('what a result holds is'),
  '3.16.1': by(
    'the history is that of when the session was made',
    'time.test.ts',
    'a session and a searcher keep the history they were made with',
  ),
  '3.16.3': plan('ClientApplicationID is empty, UserLocale that of the user'),
  '3.18.1': plan('a read-only list refuses changes, another takes them'),
  '3.18.3': loaded('strings'),
  '3.20': by('what is no driver has no driver interfaces', 'objects.test.ts', 'is none where the update is software'),
  '3.20.1': fixed('an update'),
  '3.20.3': localized('titles, descriptions, license terms, notes and steps'),
  '3.21.4': by(
    'a driver has both chains of interfaces',
    'objects.test.ts',
    'can be queried for both chains (3.21.4), and each vtable has its own DISPIDs',
  ),
  '3.22.1': plan('a read-only list refuses changes, another takes them'),
  '3.22.3': localized('updates'),
  '3.24.1': fixed('a content'),
  '3.24.3': loaded('contents'),
  '3.26.1': fixed('contents'),
  '3.26.3': loaded('contents'),
  '3.28.1': fixed('a warning'),
  '3.28.3': localized('messages'),
  '3.30.1': fixed('warnings'),
  '3.30.3': loaded('warnings'),
  '3.32.1': fixed('an entry'),
  '3.32.3': by(
    'entries are in the language of who began the operation',
    'time.test.ts',
    'an entry speaks the language of who began its operation',
  ),
  '3.34.1': fixed('entries'),
  '3.34.3': loaded('entries'),
  '3.36.1': fixed('an identity'),
  '3.36.3': loaded('identities'),
  '3.38.1': plan('what is put is got back'),
  '3.38.3': plan('defaults before anything is put'),
  '3.40.1': by('a service never changes', 'objects.test.ts', 'never change once they were handed out (3.40.1, 3.42.1)'),
  '3.40.3': loaded('services'),
  '3.42.1': by(
    'a list of services never changes',
    'objects.test.ts',
    'never change once they were handed out (3.40.1, 3.42.1)',
  ),
  '3.42.3': loaded('services'),
  '3.44.1': plan('options restrict what is registered'),
  '3.44.3': plan('services and registrations are there, ClientApplicationID is empty'),
  '3.46.1': by('a record never changes', 'time.test.ts', 'a pending registration completes when a service is reached'),
  '3.46.3': loaded('records'),
  '3.48.1': fixed('a device'),
  '3.48.3': loaded('devices'),
  '3.50.1': fixed('devices'),
  '3.50.3': loaded('devices'),
  '3.52.1': { because: 'the server keeps no data' },
};
