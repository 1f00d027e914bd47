import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/types.js';
import { analyze } from '../support/roundtrip.js';
import { ROOT } from '../support/shared.js';
import { ipid, reference, Story } from '../support/story.js';

const search = {
  interface: 'IUpdateSearcher',
  method: 'Search',
  ipid: ipid(2),
  in: { criteria: 'IsInstalled=0' },
  out: { retval: reference(3, 'ISearchResult') },
} as const;
const online = {
  interface: 'IUpdateSearcher',
  method: 'Online',
  kind: 'propget',
  ipid: ipid(2),
  out: { retval: true },
} as const;
const count = {
  interface: 'IUpdateSearcher',
  method: 'GetTotalHistoryCount',
  ipid: ipid(2),
  out: { retval: 700 },
} as const;
const updates = {
  interface: 'ISearchResult',
  method: 'Updates',
  ipid: ipid(3),
  out: { retval: reference(4, 'IUpdateCollection') },
} as const;

const title = { interface: 'IUpdate', method: 'Title', kind: 'propget', ipid: ipid(9) } as const;
const mandatory = { ...title, method: 'IsMandatory', out: { retval: true } } as const;
/** A time, beside a text in print: it decodes as nothing else. */
const changed = { ...title, method: 'LastDeploymentChangeTime', out: { retval: '2026-11-10T00:00:00' } } as const;
/** Where a packet of a story has the opnum of its request: behind the headers of Ethernet, IP, TCP and half a PDU's. */
const OPNUM = 14 + 20 + 20 + 22;

function told(
  numbering: 'wire' | 'printed',
  ...calls: readonly (typeof search | typeof online | typeof count | typeof updates)[]
): ReturnType<Story['read']> {
  const story = new Story();
  const session = story.dial(49_668, { numbering });
  for (const call of calls) session.call(call);
  return story.read();
}

describe('opnum numbering', () => {
  it('is that of the wire where calls decode so, and says nothing of it', () => {
    const { calls, rules } = told('wire', search, online, count, updates);
    expect(calls.map((call) => [call.method, call.certainty])).toEqual([
      ['Search', 'known'],
      ['Online', 'known'],
      ['GetTotalHistoryCount', 'known'],
      ['Updates', 'known'],
    ]);
    expect(rules).toEqual([]);
  });

  it('is the printed one where only that decodes, with both numbers in the record and a finding', () => {
    const { calls, findings } = told('printed', search, online, count, updates);
    expect(calls.map((call) => [call.method, call.opnum, call.printedOpnum, call.certainty])).toEqual([
      ['Search', 19, 20, 'inferred'],
      ['Online', 20, 21, 'inferred'],
      ['GetTotalHistoryCount', 22, 23, 'inferred'],
      ['Updates', 9, 10, 'inferred'],
    ]);
    expect(findings.map((one) => one.rule)).toEqual(['printed-opnums', 'printed-opnums']);
    expect(calls[0]?.because).toContain('printed number of Search');
  });

  it('tells a misread result by the interface it is a reference to', () => {
    // Printed 10 is the slot of Warnings, which would be a reference just as well.
    expect(told('printed', updates).calls[0]).toMatchObject({ method: 'Updates', opnum: 9 });
  });

  it('takes no property without an object for proof of the other numbering', () => {
    const story = new Story();
    const session = story.dial(49_668, { numbering: 'wire' });
    const empty = { interface: 'ICategory', ipid: ipid(2), kind: 'propget', out: { retval: null } } as const;
    // Printed, the slots of Image and Parent are those of Description, a text, and of Order, a number.
    for (const method of ['Image', 'Parent'] as const) session.call({ ...empty, method });
    const { calls, rules } = story.read();
    expect(calls.map((call) => [call.method, call.certainty])).toEqual([
      ['Image', 'known'],
      ['Parent', 'known'],
    ]);
    expect(rules).toEqual([]);
  });

  it('judges each interface of a server that mixes them, and each call where one interface does', () => {
    const story = new Story();
    const wire = story.dial(49_668, { numbering: 'wire' });
    const printed = story.dial(49_668, { numbering: 'printed' });
    for (const session of [wire, printed, wire, printed]) session.call(search);
    const { calls, rules } = story.read();
    expect(calls.map((call) => call.method)).toEqual(['Search', 'Search', 'Search', 'Search']);
    expect(rules).toEqual(['mixed-opnums']);
  });

  it('is a guess where a peer mixes them and both explain a call: nothing that is known is wrong', async () => {
    const named = async (name: string): Promise<readonly Call[]> =>
      (await analyze(join(ROOT, 'captures', name))).filter((item) => item.kind === 'call');
    const [truth, mixed] = [await named('wua-session.pcapng'), await named('wua-mixed-opnums.pcapng')];
    const wrong = mixed.filter((call, i) => call.method !== truth[i]?.method);
    expect(wrong.length).toBeGreaterThan(0);
    expect(wrong.filter((call) => call.certainty !== 'guessed')).toEqual([]);
    expect(wrong[0]?.because).toContain('this peer mixes the two');
    expect(mixed.filter((call) => call.certainty === 'guessed').length).toBeLessThan(10);
  });

  describe('of a server that hundreds of calls showed', () => {
    const read = (session: ReturnType<Story['dial']>, count: number): void => {
      for (let i = 0; i < count; i++) session.call(i % 3 === 0 ? changed : mandatory);
    };

    it('is not doubted for one damaged request that decodes in the other', () => {
      const story = new Story();
      const session = story.dial(49_668, { numbering: 'wire' });
      read(session, 100);
      const damaged = story.trace.packets.length;
      session.call({ ...title, out: { retval: 'damaged' } });
      read(session, 60);
      // One bit of the opnum of Title, 7, makes it 39: the printed number of ReleaseNotes, a text as well.
      const request = story.trace.packets.slice(damaged).find(({ data }) => data.length > OPNUM && data[OPNUM] === 7);
      if (request === undefined) throw new Error('no request for Title');
      request.data[OPNUM] = 7 ^ 32;
      const { calls, rules } = story.read();
      expect(rules).toEqual([]);
      expect(calls[100]).toMatchObject({ opnum: 39, certainty: 'known' });
      expect(calls[100]?.problems.map((one) => one.layer)).toContain('ndr');
      expect(calls.filter((call) => call.certainty !== 'known')).toEqual([]);
    });

    it('is the other for a connection that always uses it', () => {
      const story = new Story();
      read(story.dial(49_668, { numbering: 'wire' }), 200);
      const other = story.dial(49_668, { numbering: 'printed' });
      for (let i = 0; i < 20; i++) other.call(changed);
      const { calls, rules } = story.read();
      expect(rules).toEqual(['mixed-opnums']);
      expect(new Set(calls.slice(200).map((call) => `${call.method} ${call.certainty}`))).toEqual(
        new Set(['LastDeploymentChangeTime inferred']),
      );
    });

    it('is known again once a long row of calls proves it', () => {
      const story = new Story();
      const [wire, printed] = [story.dial(49_668), story.dial(49_668, { numbering: 'printed' })];
      for (let i = 0; i < 4; i++) for (const session of [wire, printed]) session.call(changed);
      wire.call(mandatory);
      for (let i = 0; i < 64; i++) wire.call(changed);
      wire.call(mandatory);
      const { calls, rules } = story.read();
      expect(rules).toEqual(['mixed-opnums']);
      expect(calls.filter((call) => call.method === 'IsMandatory').map((call) => call.certainty)).toEqual([
        'guessed',
        'known',
      ]);
    });
  });

  it('is what it is told to be', () => {
    const story = new Story();
    story.dial(49_668, { numbering: 'printed' }).call(search);
    expect(story.read(undefined, { opnums: 'printed' }).calls[0]?.method).toBe('Search');
    expect(story.read(undefined, { opnums: 'wire' }).calls[0]?.method).toBe('Online');
  });

  it('follows a vtable offset that a server states', () => {
    const story = new Story();
    const session = story.dial();
    const none = { _tdUnion: { none: null }, vt: 0 };
    const elem = { tdesc: none, paramdesc: { pparamdescex: null, wParamFlags: 0 } };
    session.call({
      interface: 'IDispatch',
      method: 'GetTypeInfo',
      ipid: ipid(2),
      in: { iTInfo: 0, lcid: 0 },
      out: { ppTInfo: reference(31, 'ITypeInfo') },
    });
    session.call({
      interface: 'ITypeInfo',
      method: 'GetTypeAttr',
      ipid: ipid(31),
      out: {
        ppTypeAttr: {
          guid: '8f45abf1-f9ae-4b95-a933-f0f66e5056ea',
          lcid: 0,
          dwReserved1: 0,
          dwReserved2: 0,
          dwReserved3: 0,
          lpstrReserved4: null,
          cbSizeInstance: 8,
          typekind: 'TKIND_DISPATCH',
          cFuncs: 1,
          cVars: 0,
          cImplTypes: 1,
          cbSizeVft: 56,
          cbAlignment: 8,
          wTypeFlags: 0,
          wMajorVerNum: 1,
          wMinorVerNum: 0,
          tdescAlias: none,
          dwReserved5: 0,
          wReserved6: 0,
        },
        pReserved: 0,
      },
    });
    // Search stands at slot 20 here: 20 pointers of eight bytes, the number that is printed.
    session.call({
      interface: 'ITypeInfo',
      method: 'GetFuncDesc',
      ipid: ipid(31),
      in: { index: 0 },
      out: {
        ppFuncDesc: {
          memid: 0x6002_000c,
          lReserved1: null,
          lprgelemdescParam: null,
          funckind: 'FUNC_DISPATCH',
          invkind: 1,
          callconv: 'CC_STDCALL',
          cParams: 0,
          cParamsOpt: 0,
          oVft: 160,
          cReserved2: 0,
          elemdescFunc: elem,
          wFuncFlags: 0,
        },
        pReserved: 0,
      },
    });
    expect(story.read().rules).toEqual(['printed-opnums']);
  });
});

describe('contexts whose bind was not captured', () => {
  it('are known by the objects called on them', () => {
    const story = new Story();
    const session = story.dial();
    session.call({
      interface: 'IUpdateCollection',
      method: 'Item',
      kind: 'propget',
      ipid: ipid(9),
      in: { index: 0 },
      out: { retval: reference(5, 'IUpdate') },
    });
    const other = story.dial();
    const from = story.trace.packets.length;
    other.call({ interface: 'IUpdate', method: 'Title', ipid: ipid(5), out: { retval: 'a' } });
    other.call({ interface: 'IUpdate', method: 'Title', ipid: ipid(6), out: { retval: 'b' } });
    // The second connection's bind and bind_ack are missing, with their acknowledgements.
    const { calls } = story.read((index) => index < from || index >= from + 4);
    expect(calls.map((call) => [call.method, call.certainty])).toEqual([
      ['Item', 'known'],
      ['Title', 'inferred'],
      ['Title', 'inferred'],
    ]);
    expect(calls[1]?.because).toContain('handed out as IUpdate');
    expect(calls[2]?.because).toContain('another object called on this context');
  });

  it('are guessed once several different calls decode only as one interface', () => {
    const story = new Story();
    const session = story.dial();
    const on = { interface: 'IUpdateSearcher', ipid: ipid(2) };
    session.call({ ...on, method: 'EscapeString', in: { unescaped: 'a' }, out: { retval: 'a' } });
    session.call({
      ...on,
      method: 'QueryHistory',
      in: { startIndex: 0, count: 5 },
      out: { retval: reference(3, 'IUpdateHistoryEntryCollection') },
    });
    session.call({
      ...on,
      method: 'Search',
      in: { criteria: 'IsInstalled=0' },
      out: { retval: reference(4, 'ISearchResult') },
    });
    session.call({ ...on, method: 'Online', kind: 'propget', out: { retval: true } });
    const { calls } = story.read((index) => index < 3 || index > 6);
    const last = calls.at(-1);
    expect(last).toMatchObject({ interface: 'IUpdateSearcher', method: 'Online', certainty: 'guessed' });
    expect(last?.because).toContain('decode strictly only as IUpdateSearcher');
    for (const call of calls) expect([null, 'IUpdateSearcher']).toContain(call.interface);
  });
});
