import { describe, expect, it } from 'vitest';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { updateAgent, type UpdateAgent } from '../../../replay/agent/agent.js';
import { AgentClock, clockSetting, dateText, momentAfter } from '../../../replay/agent/clock.js';
import { readModel, type Model } from '../../../replay/agent/model.js';
import { readScenario } from '../../../replay/agent/scenario.js';
import { AgentState, STATE_LIMITS } from '../../../replay/agent/state.js';
import type { ServedObject, ServedValue } from '../../../src/peer/server/dispatch.js';
import { CLASSES, full, IDS } from '../../peer/server/support.js';
import { caller, get, object } from './calls.js';

const call = caller(null);
const SERVICE = '7971f918-a847-4430-9279-4a52d1efe18d';
const START = Date.UTC(2026, 10, 20, 12);

/** An agent whose clock the test turns. */
class Turned {
  readonly clock = new AgentClock(START, 0, () => 0);
  readonly agent: UpdateAgent;

  constructor(model: Model = full, story: readonly unknown[] = [], more: Readonly<Record<string, unknown>> = {}) {
    const scenario = readScenario({ begins: '2026-11-20T12:00:00', story, ...more });
    this.agent = updateAgent({ model, attributes: criteriaAttributes, clock: () => this.clock.now(), scenario });
  }

  make(name: keyof typeof CLASSES): ServedObject {
    const found = this.agent.classes.find((one) => one.clsid === CLASSES[name]);
    return object(found?.create({ principal: null }));
  }

  searcher(puts: Readonly<Record<string, ServedValue>> = {}): ServedObject {
    const searcher = object(call(this.make('session'), 'CreateUpdateSearcher').out?.['retval']);
    for (const [name, value] of Object.entries(puts))
      expect(call(searcher, name, { value }, 'propput').hresult).toBe(0);
    return searcher;
  }

  search(criteria: string, puts: Readonly<Record<string, ServedValue>> = {}): readonly ServedValue[] {
    const { hresult, out } = call(this.searcher(puts), 'Search', { criteria });
    if (hresult !== 0) return [`0x${hresult.toString(16)}`];
    const updates = object(get(object(out?.['retval']), 'Updates'));
    return Array.from({ length: Number(get(updates, 'Count')) }, (_, index) =>
      get(object(call(updates, 'Item', { index }).out?.['retval']), 'Title'),
    );
  }

  resultCode(criteria = 'IsInstalled=0'): ServedValue {
    return get(object(call(this.searcher(), 'Search', { criteria }).out?.['retval']), 'ResultCode');
  }

  registration(id = SERVICE): readonly ServedValue[] {
    const { hresult, out } = call(this.make('manager'), 'QueryServiceRegistration', { serviceID: id });
    if (hresult !== 0) return [`0x${hresult.toString(16)}`];
    const record = object(out?.['retval']);
    return [get(record, 'RegistrationState'), get(record, 'IsPendingRegistrationWithAU')];
  }

  add(flags: number, authorizationCabPath = ''): number {
    return call(this.make('manager'), 'AddService2', { serviceID: SERVICE, flags, authorizationCabPath }).hresult;
  }

  withAU(): readonly ServedValue[] {
    const services = object(call(this.make('manager'), 'Services').out?.['retval']);
    return Array.from({ length: Number(get(services, 'Count')) }, (_, index) =>
      object(call(services, 'Item', { index }).out?.['retval']),
    )
      .filter((one) => get(one, 'IsRegisteredWithAU') === true)
      .map((one) => get(one, 'ServiceID'));
  }
}

const quiet: Model = { ...full, warnings: [] };
const offline: Model = { ...full, network: 'down' };

describe('DetectNow (3.4.4.1)', () => {
  const lastSearch = (turned: Turned): ServedValue =>
    (get(object(get(turned.make('automatic'), 'Results')), 'LastSearchSuccessDate') as { readonly value: ServedValue })
      .value;

  it('DetectNow searches, and new objects tell of it', () => {
    const turned = new Turned();
    const before = turned.make('automatic');
    turned.clock.turn('+1h30m');
    expect(call(before, 'DetectNow').hresult).toBe(0);
    expect(lastSearch(turned)).toBe('2026-11-20T13:30:00');
    // Results is what it was when the object was made (3.2.1).
    expect(get(object(get(before, 'Results')), 'LastSearchSuccessDate')).toEqual({
      vt: 'VT_DATE',
      value: '2026-11-19T03:12:00',
    });
  });

  it('comes to nothing without a network', () => {
    const turned = new Turned(offline);
    expect(call(turned.make('automatic'), 'DetectNow').hresult).toBe(0);
    expect(lastSearch(turned)).toBe('2026-11-19T03:12:00');
  });
});

describe('registrations (2.2.13, 2.2.15)', () => {
  it('a pending registration completes when a service is reached', () => {
    const turned = new Turned();
    expect(turned.add(5)).toBe(0);
    const record = object(
      call(turned.make('manager'), 'QueryServiceRegistration', { serviceID: SERVICE }).out?.['retval'],
    );
    expect([turned.registration(), turned.withAU()]).toEqual([['usrsRegistrationPending', true], [IDS.windows]]);
    // Offline nothing is reached.
    turned.search('IsInstalled=0', { Online: false });
    expect(turned.registration()[0]).toBe('usrsRegistrationPending');
    turned.search('IsInstalled=0');
    expect([turned.registration(), turned.withAU()]).toEqual([['usrsRegistered', false], [SERVICE]]);
    // The record that was handed out stays as it was (3.46.1).
    expect(get(record, 'RegistrationState')).toBe('usrsRegistrationPending');
  });

  it('completes by the automatic update agent, too', () => {
    const turned = new Turned();
    turned.add(1);
    call(turned.make('automatic'), 'DetectNow');
    expect(turned.registration()).toEqual(['usrsRegistered', false]);
  });

  it.each([
    ['nothing but a network', 0, '', 0, 0x8024001f],
    ['online', 2, '', 0, 0x8024001f],
    ['online or later', 3, '', 0, 0],
    ['later', 1, '', 0, 0],
    ['a file', 0, 'C:\\auth.cab', 0, 0],
  ])('with %s: at once where it can be, later where that is allowed', (_, flags, cab, up, down) => {
    const [one, other] = [new Turned(), new Turned(offline)];
    expect([one.add(flags, cab), other.add(flags, cab)]).toEqual([up, down]);
    const waits = 'usrsRegistrationPending';
    expect(one.registration()[0]).toBe(flags === 1 ? waits : 'usrsRegistered');
    const offlineStates: Readonly<Record<number, string>> = {
      0: cab === '' ? '0x80240003' : 'usrsRegistered',
      2: '0x80240003',
    };
    expect(other.registration()[0]).toBe(offlineStates[flags] ?? waits);
  });

  it('finds what the model has of a service that is not registered', () => {
    const model = readModel({
      ...full,
      services: [
        ...full.services,
        { id: SERVICE, name: 'Microsoft Update', registered: false, url: 'https://u.example/' },
      ],
    });
    const turned = new Turned(model);
    expect(turned.registration()).toEqual(['0x80240003']);
    turned.add(2);
    const record = object(
      call(turned.make('manager'), 'QueryServiceRegistration', { serviceID: SERVICE }).out?.['retval'],
    );
    const service = object(get(record, 'Service'));
    expect([get(service, 'Name'), get(service, 'ServiceUrl')]).toEqual(['Microsoft Update', 'https://u.example/']);
  });

  it.each([8, 0x10, -1])('refuses the unknown flags of %d', (flags) => {
    expect(new Turned().add(flags)).toBe(0x80070057);
  });
});

describe('searches', () => {
  it.each([
    ['not-started', 'orcNotStarted', 0],
    ['in-progress', 'orcInProgress', 0],
    ['with-errors', 'orcSucceededWithErrors', 2],
    ['failed', 'orcFailed', 0],
    ['aborted', 'orcAborted', 0],
  ] as const)('come to %s where the model says so (2.2.9)', (result, code, found) => {
    const faults = [{ member: 'IUpdateSearcher::Search', result, times: 2 }];
    const turned = new Turned(readModel({ ...quiet, faults }));
    expect([turned.resultCode(), turned.search('IsInstalled=0').length, turned.resultCode()]).toEqual([
      code,
      found,
      'orcSucceeded',
    ]);
  });

  it('find online what is offered, and offline what was known when a service was reached last', () => {
    const update = { id: '55555555-0000-4000-8000-000000000001', title: 'Brand new' };
    const turned = new Turned(quiet, [{ at: '13:00', appears: update }]);
    turned.clock.turn('13:00');
    const local = { Online: false };
    expect(turned.search('IsInstalled=0', local)).not.toContain('Brand new');
    expect(turned.search('IsInstalled=0')).toContain('Brand new');
    expect(turned.search('IsInstalled=0', local)).toContain('Brand new');
    expect(new Turned(offline).search('IsInstalled=0')).toEqual(['0x8024001f']);
  });

  it('inherit the action of what an update bundles where it has none (2.2.4)', () => {
    const none = (bundles: readonly string[]): Model =>
      readModel({
        ...quiet,
        updates: [
          ...full.updates,
          { id: '66666666-0000-4000-8000-000000000001', title: 'Bundle', action: 'none', bundles },
        ],
      });
    const removed = full.updates.find((one) => one.action === 'uninstall');
    expect(new Turned(none([IDS.software])).search("Type='Software'")).toContain('Bundle');
    const other = new Turned(none([removed?.id ?? '']));
    expect(other.search("Type='Software'")).not.toContain('Bundle');
    expect(other.search("DeploymentAction='Uninstallation'")).toEqual(['To be removed', 'Bundle']);
    const found = new Turned(none([IDS.software]));
    const updates = object(
      get(object(call(found.searcher(), 'Search', { criteria: "Type='Software'" }).out?.['retval']), 'Updates'),
    );
    const last = object(call(updates, 'Item', { index: Number(get(updates, 'Count')) - 1 }).out?.['retval']);
    expect([get(last, 'Title'), get(last, 'DeploymentAction')]).toEqual(['Bundle', 'daNone']);
    // What bundles itself has no action to inherit, and is found by none.
    expect(new Turned(none(['66666666-0000-4000-8000-000000000001'])).search("Type='Software'")).not.toContain(
      'Bundle',
    );
  });
});

describe('the history', () => {
  const titles = (entries: ServedObject): readonly ServedValue[] =>
    Array.from({ length: Number(get(entries, 'Count')) }, (_, index) =>
      get(object(call(entries, 'Item', { index }).out?.['retval']), 'Title'),
    );

  it('a session and a searcher keep the history they were made with', () => {
    const turned = new Turned(quiet, [{ at: '13:00', installs: IDS.software }]);
    const session = turned.make('session');
    const searcher = turned.searcher();
    turned.clock.turn('13:00');
    const asked = { criteria: '', startIndex: 0, count: 9 };
    const of = (one: ServedObject): number => titles(object(call(one, 'QueryHistory', asked).out?.['retval'])).length;
    expect([of(session), of(searcher), call(searcher, 'GetTotalHistoryCount').out?.['retval']]).toEqual([3, 3, 3]);
    expect([of(turned.make('session')), of(turned.searcher())]).toEqual([4, 4]);
  });

  it('an entry speaks the language of who began its operation', () => {
    const model = readModel({
      ...quiet,
      history: [{ title: 'Cumulative Update', update: IDS.software, date: '2026-11-12T04:00:00', locale: 0x411 }],
    });
    const entries = object(
      call(new Turned(model).make('session'), 'QueryHistory', { criteria: '', startIndex: 0, count: 1 }).out?.[
        'retval'
      ],
    );
    const entry = object(call(entries, 'Item', { index: 0 }).out?.['retval']);
    const category = object(call(object(get(entry, 'Categories')), 'Item', { index: 0 }).out?.['retval']);
    expect([
      get(entry, 'Title'),
      get(entry, 'UninstallationNotes'),
      call(object(get(entry, 'UninstallationSteps')), 'Item', { index: 0 }).out?.['retval'],
      get(object(get(category, 'Parent')), 'Name'),
    ]).toEqual(['累積更新プログラム', '時間がかかります', '設定を開く', 'ウィンドウズ']);
  });
});

describe('a read-only session (3.16.4.3)', () => {
  it('says so, and takes nothing', () => {
    const session = new Turned({ ...full, readOnlySessions: true }).make('session');
    expect(get(session, 'ReadOnly')).toBe(true);
    expect([
      call(session, 'ClientApplicationID', { value: 'Contoso' }, 'propput').hresult,
      call(session, 'UserLocale', { lcid: 0x407 }, 'propput').hresult,
      get(session, 'ClientApplicationID'),
      get(session, 'UserLocale'),
    ]).toEqual([0x80240037, 0x80240037, '', 0x409]);
  });
});

describe('users (5.1)', () => {
  const model = readModel({
    ...quiet,
    languages: [0x409],
    users: [
      { name: 'alice', locale: 0x407 },
      { name: 'CONTOSO\\bob', role: 'user', locale: 0x411, principals: ['robert/admin@FABRIKAM.TEST'] },
    ],
  });
  const create = (user: string | null, name: keyof typeof CLASSES): ServedObject | number =>
    updateAgent({ model, attributes: criteriaAttributes, realms: ['CONTOSO.TEST'] })
      .classes.find((one) => one.clsid === CLASSES[name])
      ?.create({
        principal: user,
      }) ?? 0;

  it('who is not named gets nothing, by name or by domain and name', () => {
    expect([create('CONTOSO\\eve', 'session'), create(null, 'session'), create('FABRIKAM\\bob', 'session')]).toEqual([
      0x80070005, 0x80070005, 0x80070005,
    ]);
    expect(get(object(create('FABRIKAM\\alice', 'session')), 'UserLocale')).toBe(0x407);
    expect(get(object(create('contoso\\BOB', 'session')), 'UserLocale')).toBe(0x411);
  });

  it('principals of the realms of the server are users by name, others where the model says whose they are', () => {
    const locale = (principal: string): unknown => {
      const made = create(principal, 'session');
      return typeof made === 'number' ? made : get(made, 'UserLocale');
    };
    expect([
      locale('alice@CONTOSO.TEST'),
      locale('Alice@contoso.test'),
      locale('robert/ADMIN@fabrikam.test'),
      locale('alice@FABRIKAM.TEST'),
      locale('bob@CONTOSO.TEST'),
      locale('x\\alice@CONTOSO.TEST'),
    ]).toEqual([0x407, 0x407, 0x411, 0x80070005, 0x80070005, 0x80070005]);
  });

  it('only administrators search in a language that the machine does not have', () => {
    const search = (user: string): number => {
      const searcher = object(
        call(object(create(`CONTOSO\\${user}`, 'session')), 'CreateUpdateSearcher').out?.['retval'],
      );
      return caller(user)(searcher, 'Search', { criteria: 'IsInstalled=0' }).hresult;
    };
    expect([search('alice'), search('bob')]).toEqual([0, 0x80070005]);
  });
});

describe('the clock', () => {
  it.each([
    ['12:00', '2026-11-20T12:00:00'],
    ['11:59', '2026-11-21T11:59:00'],
    ['12:00:30', '2026-11-20T12:00:30'],
    ['+45m', '2026-11-20T12:45:00'],
    ['+1d2h3m4s', '2026-11-21T14:03:04'],
    ['2027-01-01T00:00', '2027-01-01T00:00:00'],
  ])('reads %s', (text, to) => {
    expect(dateText(momentAfter(START, text) ?? 0)).toBe(to);
  });

  it.each(['', '24:00', '12:60', '45m', '+', '+5', '+999999d999999d999999d999999d', 'noon', '2026-13-01T00:00:00'])(
    'refuses %j',
    (text) => {
      expect(momentAfter(START, text)).toBeNull();
      expect(new AgentClock(START, 1, () => 0).turn(text)).toBe(false);
    },
  );

  it('goes as fast as it is told, from where it was turned to, and never back', () => {
    let elapsed = 0;
    const clock = new AgentClock(START, 60, () => elapsed);
    elapsed = 1000;
    expect(dateText(clock.now())).toBe('2026-11-20T12:01:00');
    expect(clock.turn('13:00')).toBe(true);
    elapsed = 2000;
    expect(dateText(clock.now())).toBe('2026-11-20T13:01:00');
    expect(clock.turn('2026-01-01T00:00:00')).toBe(true);
    expect(dateText(clock.now())).toBe('2026-11-20T13:01:00');
    elapsed = 1e15;
    expect(dateText(clock.now())).toBe('9999-12-31T23:59:59');
  });

  it('is set by a time, a speed, or both', () => {
    expect(
      ['2026-11-20T12:00:00', '*60', '2026-11-20T12:00*0', '', 'x', '*', '*-1', '12:00'].map(clockSetting),
    ).toEqual([
      { startMs: START, speed: 1 },
      { startMs: null, speed: 60 },
      { startMs: START, speed: 0 },
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});

describe('a scenario', () => {
  const NEW = { id: '55555555-0000-4000-8000-000000000001', title: 'Brand new', kb: ['5090001'] };
  const read = (story: readonly unknown[], more = {}): void =>
    AgentState.rehearse(quiet, readScenario({ begins: '2026-11-20T12:00:00', story, ...more }));

  it.each([
    [[{ at: 'noon' }], /^story\.0\.at: a time as 22:30, a span/],
    [[{ at: '13:00' }, { at: '2026-11-20T12:30:00' }], /^story\.1\.at: .* is before the step that stands above it/],
    [[{ at: '13:00', installs: 'KB5090001' }], /^story\.0: no update KB5090001 is there at that time/],
    [
      [
        { at: '13:00', appears: NEW },
        { at: '14:00', appears: NEW },
      ],
      /^story\.1\.appears: .* is there already/,
    ],
    [[{ at: '13:00', changes: { update: IDS.software, titel: 'x' } }], /^story\.0\.changes: .*titel/],
    [[{ at: '13:00', explodes: true }], /explodes/],
    [[{ at: '13:00', installs: 'the last one' }], /^story\.0\.installs/],
  ])('says which step is wrong', (story, message) => {
    expect(() => read(story)).toThrow(message);
  });

  it('refuses more updates than a machine knows', () => {
    expect(STATE_LIMITS.updates).toBe(100_000);
    expect(() => readScenario({ begins: 'yesterday', story: [] })).toThrow(/^begins: a date/);
  });

  it('lets updates change, go, be hidden and shown, installed with errors and removed', () => {
    const turned = new Turned(quiet, [
      { at: '13:00', appears: NEW },
      { at: '13:10', changes: { update: 'KB5090001', title: 'Revised', revision: 2 } },
      { at: '13:20', hides: 'KB5090001' },
      { at: '13:30', shows: ['KB5090001'] },
      {
        at: '13:40',
        installs: { update: 'KB5090001', result: 'with-errors', unmapped: 7, client: 'Contoso', reboot: true },
      },
      { at: '13:50', uninstalls: 'KB5090001' },
      { at: '14:00', withdraws: 'KB5090001' },
    ]);
    const search = (criteria: string): readonly ServedValue[] => turned.search(`UpdateID='${NEW.id}' and ${criteria}`);
    turned.clock.turn('13:00');
    expect(search('IsInstalled=0')).toEqual(['Brand new']);
    turned.clock.turn('13:10');
    expect(search('RevisionNumber=2')).toEqual(['Revised']);
    turned.clock.turn('13:20');
    expect([search('IsHidden=1').length, search('IsHidden=0').length]).toEqual([1, 0]);
    turned.clock.turn('13:40');
    expect([search('IsHidden=0 and IsInstalled=1 and RebootRequired=1').length]).toEqual([1]);
    const entries = object(
      call(turned.make('session'), 'QueryHistory', { criteria: `UpdateID='${NEW.id}'`, startIndex: 0, count: 9 }).out?.[
        'retval'
      ],
    );
    const entry = object(call(entries, 'Item', { index: 0 }).out?.['retval']);
    expect(
      ['ResultCode', 'UnmappedResultCode', 'ClientApplicationID', 'Date', 'Title'].map((name) => get(entry, name)),
    ).toEqual(['orcSucceededWithErrors', 7, 'Contoso', '2026-11-20T13:40:00', 'Revised']);
    turned.clock.turn('13:50');
    expect([search('IsInstalled=1').length, search('IsPresent=0').length]).toEqual([0, 1]);
    turned.clock.turn('14:00');
    expect(search('IsInstalled=0')).toEqual([]);
    expect(turned.agent.news()).toHaveLength(7);
  });

  it('meets deadlines unless it is told not to', () => {
    const late = new Turned(quiet, [], { deadlines: false });
    const turned = new Turned(quiet);
    for (const one of [late, turned]) one.clock.turn('2026-12-01T00:00:00');
    const installed = `UpdateID='${IDS.software}' and IsInstalled=1`;
    expect([late.search(installed), turned.search(installed)]).toEqual([[], ['Cumulative Update']]);
    expect(turned.agent.news()).toEqual([
      '2026-12-01 00:00:00 Cumulative Update is due',
      '2026-12-01 00:00:00 Cumulative Update: installation succeeded',
    ]);
  });

  it('registers and removes services, and adds faults', () => {
    const turned = new Turned(quiet, [
      { at: '13:00', registers: { id: SERVICE, name: 'Microsoft Update' }, removes: IDS.managed },
      { at: '13:30', faults: { member: 'IUpdate::Title', hresult: 0x80004005, times: 1 } },
    ]);
    turned.clock.turn('13:00');
    expect([turned.registration(), turned.registration(IDS.managed)]).toEqual([
      ['usrsRegistered', false],
      ['usrsNotRegistered', false],
    ]);
    expect(turned.agent.inject('IUpdate', 'Title')).toBeNull();
    turned.clock.turn('13:30');
    expect([turned.agent.inject('IUpdate', 'Title'), turned.agent.inject('IUpdate', 'Title')]).toEqual([
      { hresult: 0x80004005 },
      null,
    ]);
  });
});
