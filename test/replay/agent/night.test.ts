import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { criteriaAttributes } from '../../../dissectors/uamg/criteria.js';
import { updateAgent } from '../../../replay/agent/agent.js';
import { AgentClock } from '../../../replay/agent/clock.js';
import { loadModel, loadScenario } from '../../../src/io/serve/agent.js';
import type { ServedObject, ServedValue } from '../../../src/peer/server/dispatch.js';
import { ROOT } from '../../support/shared.js';
import { CLASSES } from '../../peer/server/support.js';
import { caller, get, object } from './calls.js';

const model = loadModel(join(ROOT, 'captures/models/night.yaml'));
const story = loadScenario(join(ROOT, 'captures/models/night-story.yaml'), model);

/** The worked example of docs/model.md: an agent whose clock the test turns, and what users see of it. */
class Night {
  private readonly clock = new AgentClock(story.beginsMs, 0, () => 0);
  readonly agent = updateAgent({
    model,
    attributes: criteriaAttributes,
    clock: () => this.clock.now(),
    scenario: story,
  });

  /** It becomes that late. */
  at(time: string): this {
    expect(this.clock.turn(time)).toBe(true);
    return this;
  }

  activate(clsid: string, user = 'alice'): ServedObject | number {
    const found = this.agent.classes.find((one) => one.clsid === clsid);
    return found?.create({ principal: `CONTOSO\\${user}` }) ?? 0;
  }

  /** Titles that a search finds, or its HRESULT. */
  search(criteria: string, user = 'alice', puts: Readonly<Record<string, ServedValue>> = {}): readonly string[] {
    const updates = this.found(criteria, user, puts);
    return Array.isArray(updates) ? updates.map((one) => String(get(one as ServedObject, 'Title'))) : [String(updates)];
  }

  found(
    criteria: string,
    user = 'alice',
    puts: Readonly<Record<string, ServedValue>> = {},
  ): readonly ServedObject[] | string {
    const call = caller(user);
    const searcher = object(call(object(this.activate(CLASSES.session, user)), 'CreateUpdateSearcher').out?.['retval']);
    for (const [name, value] of Object.entries(puts)) call(searcher, name, { value }, 'propput');
    const { hresult, out } = call(searcher, 'Search', { criteria });
    if (hresult !== 0) return `0x${hresult.toString(16)}`;
    const updates = object(get(object(out?.['retval']), 'Updates'));
    return Array.from({ length: Number(get(updates, 'Count')) }, (_, index) =>
      object(call(updates, 'Item', { index }).out?.['retval']),
    );
  }

  history(): readonly (readonly ServedValue[])[] {
    const call = caller('alice');
    const session = object(this.activate(CLASSES.session));
    const { hresult, out } = call(session, 'QueryHistory', { criteria: '', startIndex: 0, count: 10 });
    if (hresult !== 0) return [];
    const entries = object(out?.['retval']);
    return Array.from({ length: Number(get(entries, 'Count')) }, (_, index) => {
      const entry = object(call(entries, 'Item', { index }).out?.['retval']);
      return [get(entry, 'Date'), get(entry, 'ResultCode'), get(entry, 'HResult')];
    });
  }

  results(): readonly ServedValue[] {
    const results = object(get(object(this.activate(CLASSES.automatic)), 'Results'));
    return ['LastSearchSuccessDate', 'LastInstallationSuccessDate'].map(
      (name) => (get(results, name) as { readonly value: ServedValue }).value,
    );
  }
}

const OLD = 'Kumulatives Update 2026-10 für Windows Server 2019 (KB5080001)';
const ANTIVIRUS = 'Security Intelligence Update for Contoso Antivirus (KB5080002)';
const VIEWER = 'Contoso Viewer for each user (KB5080003)';
const NEW = '2026-11 Cumulative Update for Windows Server 2019 (KB5080004)';

describe('the night of the worked example', () => {
  it('goes as its story tells it', () => {
    const night = new Night();
    expect(night.search('IsInstalled=0')).toEqual([OLD, ANTIVIRUS]);
    expect(night.results()).toEqual(['2026-11-10T21:04:00', '2026-10-14T03:10:00']);
    const [before] = night.found('IsInstalled=0', 'alice', { IncludePotentiallySupersededUpdates: true });

    // What appears supersedes what was there.
    expect(night.at('22:29:59').search('IsInstalled=0')).toEqual([OLD, ANTIVIRUS]);
    expect(night.at('22:30').search('IsInstalled=0')).toEqual([ANTIVIRUS, NEW]);
    expect(night.search('IsInstalled=0', 'alice', { IncludePotentiallySupersededUpdates: true })).toHaveLength(3);

    // The agent's own search, and a download.
    night.at('23:15');
    expect(night.results()[0]).toBe('2026-11-11T23:15:00');
    const [fresh] = night.found("UpdateID='5e4a1c1d-0000-4000-8000-000000000004'");
    expect(get(object(fresh as ServedObject), 'IsDownloaded')).toBe(true);

    // Without a network nothing is found online; offline, what the agent knew.
    night.at('00:40');
    expect(night.search('IsInstalled=0')).toEqual(['0x8024001f']);
    expect(night.search('IsInstalled=0', 'alice', { Online: false })).toEqual([ANTIVIRUS, NEW]);

    // A failure goes into the history, and changes nothing else.
    night.at('01:20');
    expect(night.history()).toEqual([['2026-11-12T01:20:00', 'orcFailed', 0x80070070 | 0]]);

    // A deadline passes.
    night.at('02:00:01');
    expect(night.history()[0]).toEqual(['2026-11-12T02:00:00', 'orcSucceeded', 0]);
    expect(night.search('IsInstalled=1', 'alice', { Online: false })).toEqual([ANTIVIRUS]);

    night.at('02:30');
    expect(night.search('RebootRequired=1', 'alice', { Online: false })).toEqual([NEW]);
    expect(night.results()[1]).toBe('2026-11-12T02:30:00');
    night.at('02:40');
    expect(night.search('RebootRequired=1', 'alice', { Online: false })).toEqual([]);
    night.at('03:00');
    expect(night.search('IsInstalled=1')).toEqual([ANTIVIRUS, NEW]);

    // A search is aborted, and after that there is no server.
    night.at('03:30');
    expect(night.search('IsInstalled=1')).toEqual([]);
    expect(night.agent.inject('IUpdateSearcher', 'Search')).toEqual({ hresult: 0x8024402c });
    expect(night.history()).toHaveLength(3);

    // What was found in the evening is as it was then (3.20.1).
    expect([get(object(before as ServedObject), 'Title'), get(object(before as ServedObject), 'IsInstalled')]).toEqual([
      OLD,
      false,
    ]);
    expect(night.agent.news().slice(0, 3)).toEqual([
      '2026-11-11 22:00:00 The evening before. Two updates wait for the machine, one for bob.',
      '2026-11-11 22:30:00 Patch day.',
      `2026-11-11 22:30:00 ${NEW} appears`,
    ]);
  });

  it('shows each user what is theirs: language, updates, and what they may', () => {
    const night = new Night();
    expect(night.search('IsInstalled=0', 'bob')[0]).toBe(
      '2026-10 Cumulative Update for Windows Server 2019 (KB5080001)',
    );
    const scope = { SearchScope: 'searchScopeCurrentUserOnly' };
    expect([night.search('IsInstalled=0', 'bob', scope), night.search('IsInstalled=0', 'alice', scope)]).toEqual([
      [VIEWER],
      [],
    ]);
    expect(night.search('IsInstalled=0', 'alice', { SearchScope: 'searchScopeAllUsers' })).toEqual([VIEWER]);
    expect(night.activate(CLASSES.session, 'mallory')).toBe(0x80070005);
    const manager = object(night.activate(CLASSES.manager, 'bob'));
    const add = { serviceID: '7971f918-a847-4430-9279-4a52d1efe18d', flags: 2, authorizationCabPath: '' };
    expect(caller('bob')(manager, 'AddService2', add).hresult).toBe(0x80070005);
    expect(caller('alice')(manager, 'AddService2', add).hresult).toBe(0);
  });
});
