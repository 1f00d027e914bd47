import { describe, expect, it } from 'vitest';
import { criteriaAttributes } from '../../dissectors/uamg/criteria.js';
import { explainCriteria } from '../../src/analysis/story/criteria.js';
import { STORY_LIMITS } from '../../src/analysis/story/limits.js';
import { Storyteller } from '../../src/analysis/story/story.js';
import { memberName } from '../../src/analysis/statistics.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Session } from '../../captures/make/session.js';
import type { Call, Value } from '../../src/types.js';
import { activation, ipid, reference, Story, UPDATE_SESSION } from '../support/story.js';

const { registry } = knowledge();

/** Reads a property of an object, or, with an index, an element. */
function get(
  session: Session,
  object: number,
  iface: string,
  method: string,
  retval: Value,
  more: { readonly index?: number; readonly result?: number } = {},
): void {
  session.call({
    interface: iface,
    method,
    kind: 'propget',
    ipid: ipid(object),
    in: more.index === undefined ? {} : { index: more.index },
    out: { retval },
    result: more.result ?? 0,
  });
}

function put(session: Session, object: number, iface: string, method: string, value: Value): void {
  session.call({ interface: iface, method, kind: 'propput', ipid: ipid(object), in: { value }, out: {} });
}

function told(story: Story): Storyteller {
  const teller = new Storyteller(registry, (call) => memberName(call));
  for (const call of story.read().calls) teller.push(call);
  teller.end();
  return teller;
}

/** Session 1 makes searcher 2, which finds result 3 with collection 4 of updates 10 and on. */
function search(session: Session, criteria: string, result = 0): void {
  session.call({
    interface: 'IUpdateSearcher',
    method: 'Search',
    ipid: ipid(2),
    in: { criteria },
    out: { retval: result === 0 ? reference(3, 'ISearchResult') : null },
    result,
  });
}

function begin(): { readonly story: Story; readonly session: Session } {
  const story = new Story();
  story.dial(135).call(activation(UPDATE_SESSION, reference(1, 'IUpdateSession')));
  const session = story.dial();
  put(session, 1, 'IUpdateSession', 'ClientApplicationID', 'Auditor');
  session.call({
    interface: 'IUpdateSession',
    method: 'CreateUpdateSearcher',
    ipid: ipid(1),
    out: { retval: reference(2, 'IUpdateSearcher') },
  });
  return { story, session };
}

describe('the story of a session', () => {
  it('tells a search with the options in force when it was called, and what came back', () => {
    const { story, session } = begin();
    put(session, 2, 'IUpdateSearcher', 'ServerSelection', 'ssManagedServer');
    get(session, 2, 'IUpdateSearcher', 'Online', true);
    search(session, "IsInstalled=0 and Type='Software'");
    put(session, 2, 'IUpdateSearcher', 'ServerSelection', 'ssWindowsUpdate');
    get(session, 3, 'ISearchResult', 'ResultCode', 'orcSucceededWithErrors');
    get(session, 3, 'ISearchResult', 'Updates', reference(4, 'IUpdateCollection'));
    get(session, 4, 'IUpdateCollection', 'Count', 7);
    search(session, 'IsInstaled=0', 0x8024_0032);
    const [first] = told(story).sessions;
    const [found, refused] = first?.events.filter((event) => event.event !== null) ?? [];
    expect(
      found?.options.filter((one) => one.how !== 'default').map(({ option, value, how }) => [option.name, value, how]),
    ).toEqual([
      ['ServerSelection', 'ssManagedServer', 'set'],
      ['Online', true, 'read'],
      ['ClientApplicationID', 'Auditor', 'set'],
    ]);
    expect(found?.result.map(({ title, value }) => [title, value])).toEqual([
      ['Result', 'orcSucceededWithErrors'],
      ['Updates', 7],
    ]);
    expect(refused?.failure).toEqual({ kind: 'hresult', value: 0x8024_0032 });
    expect(refused?.options.find((one) => one.option.name === 'ServerSelection')?.value).toBe('ssWindowsUpdate');
    expect(
      first?.events
        .filter((event) => event.event === null)
        .map((event) => [event.object, event.values['name'], event.values['value']]),
    ).toEqual([
      [expect.stringMatching(/^IUpdateSession3?#1$/), 'ClientApplicationID', 'Auditor'],
      ['IUpdateSearcher#1', 'ServerSelection', 'ssManagedServer'],
      ['IUpdateSearcher#1', 'ServerSelection', 'ssWindowsUpdate'],
    ]);
  });

  it('rebuilds updates from what was read of them, and folds the loop that read them', () => {
    const { story, session } = begin();
    search(session, 'IsHidden=0');
    get(session, 3, 'ISearchResult', 'Updates', reference(4, 'IUpdateCollection'));
    for (let at = 0; at < 20; at++) {
      const update = 100 + at * 10;
      get(session, 4, 'IUpdateCollection', 'Count', 20);
      get(session, 4, 'IUpdateCollection', 'Item', reference(update, 'IUpdate'), { index: at });
      get(session, update, 'IUpdate', 'Title', `Update ${at}`);
      get(session, update, 'IUpdate', 'Identity', reference(update + 1, 'IUpdateIdentity'));
      get(session, update + 1, 'IUpdateIdentity', 'UpdateID', `id-${at}`);
      get(session, update + 1, 'IUpdateIdentity', 'RevisionNumber', 100);
      get(session, update, 'IUpdate', 'KBArticleIDs', reference(update + 2, 'IStringCollection'));
      get(session, update + 2, 'IStringCollection', 'Count', 2);
      get(session, update + 2, 'IStringCollection', 'Item', `50${at}`, { index: 0 });
      if (at > 0) get(session, update + 2, 'IStringCollection', 'Item', `60${at}`, { index: 1 });
      get(session, update, 'IUpdate', 'Categories', reference(update + 3, 'ICategoryCollection'));
      get(session, update + 3, 'ICategoryCollection', 'Item', reference(update + 4, 'ICategory'), { index: 0 });
      get(session, update + 4, 'ICategory', 'Name', 'Drivers');
      get(session, update, 'IUpdate', 'Deadline', { vt: 'VT_EMPTY', value: null });
    }
    const teller = told(story);
    const updates = teller.tables.find((table) => table.table.name === 'updates');
    const column = (name: string): number => updates?.table.columns.findIndex((one) => one.name === name) ?? -1;
    const cells = updates?.rows.map((row) =>
      ['Title', 'UpdateID', 'KBArticleIDs', 'Categories', 'Deadline', 'MsrcSeverity'].map(
        (name) => row.cells[column(name)]?.value,
      ),
    );
    expect(cells?.[0]).toEqual(['Update 0', 'id-0', ['500', '… of 2'], ['Drivers'], null, undefined]);
    expect(cells?.[7]).toEqual(['Update 7', 'id-7', ['507', '607'], ['Drivers'], null, undefined]);
    expect(cells).toHaveLength(20);
    const steps = teller.sessions[0]?.steps.list ?? [];
    const folds = steps.filter((step) => step.fold !== null);
    expect(folds.map((step) => [step.fold?.rows.size, [...(step.fold?.names ?? [])]])).toEqual([
      [20, ['Title', 'Identity', 'KBArticleIDs', 'Categories', 'Deadline']],
    ]);
    expect(steps.reduce((sum, step) => sum + step.calls, 0)).toBe(teller.sessions[0]?.calls);
  });

  it('takes the same update of two searches for one row, with what changed between', () => {
    const { story, session } = begin();
    for (const [update, hidden] of [
      [100, false],
      [200, true],
    ] as const) {
      search(session, 'IsInstalled=0');
      get(session, 3, 'ISearchResult', 'Updates', reference(4, 'IUpdateCollection'));
      get(session, 4, 'IUpdateCollection', 'Item', reference(update, 'IUpdate'), { index: 0 });
      get(session, update, 'IUpdate', 'Identity', reference(update + 1, 'IUpdateIdentity'));
      get(session, update + 1, 'IUpdateIdentity', 'UpdateID', 'the same');
      get(session, update + 1, 'IUpdateIdentity', 'RevisionNumber', 1);
      get(session, update, 'IUpdate', 'IsHidden', hidden);
    }
    const updates = told(story).tables.find((table) => table.table.name === 'updates');
    expect(updates?.rows).toHaveLength(1);
    const [row] = updates?.rows ?? [];
    expect(row?.objects).toEqual(['IUpdate#1', 'IUpdate#2']);
    expect(row?.cells[updates?.table.columns.findIndex((one) => one.name === 'IsHidden') ?? -1]).toEqual({
      value: true,
      before: [false],
    });
  });

  it('keeps updates apart whose identity nobody read, unless everything read of them agrees', () => {
    const { story, session } = begin();
    search(session, 'IsInstalled=0');
    get(session, 3, 'ISearchResult', 'Updates', reference(4, 'IUpdateCollection'));
    for (const [at, severity] of ['Critical', 'Low', 'Low'].entries()) {
      get(session, 4, 'IUpdateCollection', 'Item', reference(100 + at, 'IUpdate'), { index: at });
      get(session, 100 + at, 'IUpdate', 'Title', 'One title');
      get(session, 100 + at, 'IUpdate', 'MsrcSeverity', severity);
    }
    expect(
      told(story)
        .tables.find((table) => table.table.name === 'updates')
        ?.rows.map((row) => row.objects.length),
    ).toEqual([1, 2]);
  });

  it('ends a session at a long silence, and folds a call that is made again and again', () => {
    const { story, session } = begin();
    for (let at = 0; at < 50; at++) get(session, 2, 'IUpdateSearcher', 'Online', true);
    for (let waited = 0; waited <= STORY_LIMITS.silenceS; waited += 4) story.trace.wait(4_000_000);
    search(session, 'IsInstalled=1');
    const { sessions } = told(story);
    expect(sessions.map((one) => one.id)).toEqual([1, 2]);
    expect(sessions.map((one) => one.steps.list.at(-1)?.calls)).toEqual([50, 1]);
    expect(sessions.reduce((sum, one) => sum + one.calls, 0)).toBe(54);
  });

  it('forgets objects that said more than is kept, though they are few, and goes on', () => {
    const { story, session } = begin();
    get(session, 10, 'IUpdate', 'Title', 'x'.repeat(STORY_LIMITS.text));
    const read = story.read().calls;
    const long = read.at(-1);
    const teller = new Storyteller(registry, (call) => memberName(call));
    for (const call of read) teller.push(call);
    const enough = Math.ceil(STORY_LIMITS.allBytes / STORY_LIMITS.text);
    expect(enough).toBeLessThan(STORY_LIMITS.allObjects);
    for (let n = 0; n < enough; n++) {
      const object = { ...long?.object, ipid: `${n}`, oid: `${n}`, label: `IUpdate#${n}` };
      teller.push(Object.create(long as Call, { object: { value: object } }) as Call);
    }
    expect(teller.forgot).toBe(true);
    teller.end();
    const updates = teller.tables.find((table) => table.table.name === 'updates');
    expect(updates?.rows.length).toBeGreaterThan(0);
  });

  it('does not count what one object says again', () => {
    const { story, session } = begin();
    get(session, 10, 'IUpdate', 'Title', 'x'.repeat(STORY_LIMITS.text));
    const read = story.read().calls;
    const teller = new Storyteller(registry, (call) => memberName(call));
    for (const call of read) teller.push(call);
    const enough = Math.ceil(STORY_LIMITS.allBytes / STORY_LIMITS.text);
    for (let n = 0; n < enough; n++) teller.push(read.at(-1) as Call);
    expect(teller.forgot).toBe(false);
  });
});

describe('criteria in words', () => {
  const named = (value: string): string | null => (value === 'cat' ? 'Security Updates' : null);
  it.each([
    ["IsInstalled=0 and Type='Software'", 'not installed and of type Software'],
    ["IsHidden=1 or CategoryIDs contains 'cat'", 'hidden; or in the category Security Updates (cat)'],
    ["(IsInstalled=1 and RevisionNumber=3) or UpdateID!='x'", 'installed and of revision 3; or other than x'],
    ['', 'no criteria: the server’s default applies'],
  ])('explains %s', (text, words) => {
    expect(explainCriteria(text, criteriaAttributes, named)).toEqual({ words, problem: null });
  });

  it('says where the text can not be read', () => {
    expect(explainCriteria('IsInstaled=0', criteriaAttributes, named)).toMatchObject({
      words: '',
      problem: expect.stringMatching(/^column 1: /),
    });
  });

  it('has words for every attribute, for what holds and what does not', () => {
    for (const { name, words, value } of criteriaAttributes) {
      expect(new Set(words).size, name).toBe(2);
      if (value !== 'flag') for (const text of words) expect(text, name).toContain('{value}');
    }
  });
});
