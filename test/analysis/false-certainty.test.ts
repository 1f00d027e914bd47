import { describe, expect, it } from 'vitest';
import { Analyzer, type AnalyzerOutput } from '../../src/analysis/analyzer.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { ObjectRecord } from '../../src/types.js';
import { framesIn } from '../support/read.js';
import { sharedCaptures } from '../support/shared.js';
import { activation, IID_IDISPATCH, ipid, reference, Story, UPDATE_SESSION } from '../support/story.js';

/** What a story comes to when the handshake and the bind of its connection, seven packets, are missing. */
function unbound(story: Story): ReturnType<Story['read']> {
  return story.read((index) => index > 6);
}

describe('a guess', () => {
  const typeInfo = (index: number, result: unknown) => ({
    interface: 'IDispatch',
    method: 'GetTypeInfo',
    ipid: ipid(9),
    in: { iTInfo: index, lcid: 0 },
    out: { ppTInfo: result as null },
  });

  it('is dropped where the answer contradicts it: success without the object that was asked for', () => {
    const story = new Story();
    story.dial().call(typeInfo(22_381, null));
    const { calls, objects } = unbound(story);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ certainty: 'unknown', method: null, iid: null });
    expect(objects).toEqual([]);
  });

  it('stands where the answer does not', () => {
    const story = new Story();
    story.dial().call(typeInfo(0, reference(10, 'ITypeInfo')));
    expect(unbound(story).calls[0]).toMatchObject({ certainty: 'guessed', method: 'GetTypeInfo' });
  });

  it('is not made of sealed stubs, of which nothing is read', () => {
    const story = new Story();
    const session = story.dial(49_668, {
      ntlm: { user: 'alice', domain: '', password: 'x', level: 'privacy' },
    });
    // By their numbers alone these would be members of the one interface that has so many.
    for (const method of ['AutoSelection', 'AutoDownload', 'BrowseOnly'])
      session.call({
        interface: 'IWindowsDriverUpdate5',
        method,
        kind: 'propget',
        ipid: ipid(2),
        out: { retval: method === 'BrowseOnly' ? true : 0 },
      });
    // Bind, its answer and AUTH3 are missing, with their acknowledgements.
    const { calls } = story.read((index) => index > 7);
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(call).toMatchObject({ certainty: 'unknown', interface: null });
  });
});

describe('a fault', () => {
  const on = { interface: 'IUpdateSearcher', ipid: ipid(2) } as const;

  it('proves no numbering, nor does an empty stub', () => {
    const story = new Story();
    const session = story.dial(49_668, { numbering: 'mixed' });
    session.call({ ...on, method: 'Search', in: { criteria: '' }, out: { retval: reference(3, 'ISearchResult') } });
    // Sent under its printed number, which is the slot of a put that wants a parameter; refused.
    session.call({ ...on, method: 'Online', kind: 'propget', fault: 5 });
    session.call({
      ...on,
      method: 'Search',
      in: { criteria: 'IsInstalled=0' },
      out: { retval: reference(4, 'ISearchResult') },
    });
    const { calls, rules } = story.read();
    expect(rules).not.toContain('mixed-opnums');
    expect(calls.filter((call) => call.method === 'Search').map((call) => call.certainty)).toEqual(['known', 'known']);
  });
});

describe('an activation', () => {
  it.each([false, true])('seen from the middle is recognised by its properties (class object: %s)', (factory) => {
    const story = new Story();
    story.dial(135).call(activation(UPDATE_SESSION, reference(1, IID_IDISPATCH), factory));
    const { calls, objects } = unbound(story);
    expect(calls[0]).toMatchObject({
      interface: 'IRemoteSCMActivator',
      method: factory ? 'RemoteGetClassObject' : 'RemoteCreateInstance',
      certainty: 'inferred',
      because: expect.stringContaining(UPDATE_SESSION),
    });
    if (!factory) expect(objects.map((one) => one.class)).toContain('IUpdateSession3');
  });
});

describe('the object graph', () => {
  const { registry } = knowledge();

  /** What a story comes to for somebody whose tables lack an interface. */
  function without(story: Story, name: string): readonly ObjectRecord[] {
    const uuid = registry.interfaceByName(name)?.interface.uuid;
    const analyzer = new Analyzer({
      registry: { ...registry, interfaceByUuid: (one) => (one === uuid ? null : registry.interfaceByUuid(one)) },
    });
    const out: AnalyzerOutput[] = [];
    for (const frame of story.frames()) analyzer.push(frame, out);
    analyzer.end(out);
    return analyzer.objects();
  }

  it('counts calls on interfaces that no table has', () => {
    const story = new Story();
    const session = story.dial();
    session.call({
      interface: 'IUpdateSearcher',
      method: 'Search',
      ipid: ipid(2),
      in: { criteria: '' },
      out: { retval: reference(3, 'ISearchResult') },
    });
    const updates = { interface: 'ISearchResult', method: 'ResultCode', kind: 'propget', ipid: ipid(3) } as const;
    for (let i = 0; i < 3; i++) session.call({ ...updates, out: { retval: 2 } });
    const found = without(story, 'ISearchResult').find((one) => one.interfaces.some(({ ipid: id }) => id === ipid(3)));
    expect(found).toMatchObject({ calls: 3, interfaces: [{ calls: 3 }] });
  });

  it('takes the class from any call that names it', () => {
    const story = new Story();
    const session = story.dial();
    // Of a class that no table has, handed out as IDispatch, and called as what it is.
    session.call(activation('11111111-2222-3333-4444-555555555555', reference(7, IID_IDISPATCH)));
    session.call({
      interface: 'IUpdateHistoryEntry',
      method: 'Title',
      kind: 'propget',
      ipid: ipid(7),
      out: { retval: 'x' },
    });
    const found = story.read().objects.find((one) => one.interfaces.some(({ ipid: id }) => id === ipid(7)));
    expect(found?.class).toBe('IUpdateHistoryEntry');
    expect(found?.interfaces[0]?.calls).toBe(1);
  });

  it.skipIf(sharedCaptures().length === 0)('makes no object of the object UUID of plain RPC', () => {
    const path = sharedCaptures().find((one) => one.endsWith('witness-ndr64-objects.pcapng')) ?? '';
    const analyzer = new Analyzer({ registry });
    const out: AnalyzerOutput[] = [];
    for (const frame of framesIn(path)) analyzer.push(frame, out);
    analyzer.end(out);
    expect(analyzer.objects().map((one) => one.label)).not.toContain('mgmt#1');
    const calls = out.filter((item) => item.kind === 'call' && item.interface === 'mgmt');
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) expect(call).toMatchObject({ object: { label: null, oid: null } });
  });
});
