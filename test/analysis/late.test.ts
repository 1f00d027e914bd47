import { describe, expect, it } from 'vitest';
import {
  activation,
  bstr,
  dispatch,
  i4,
  invoke,
  ipid,
  names,
  reference,
  Story,
  UPDATE_SESSION,
} from '../support/story.js';
import { lateBound } from '../../captures/make/scenario.js';

/** An UpdateSession activated late bound as object 1. */
function begun(): { readonly story: Story; readonly session: ReturnType<Story['dial']> } {
  const story = new Story();
  story.dial(135).call(activation(UPDATE_SESSION, reference(1)));
  return { story, session: story.dial() };
}

const CREATE_SEARCHER = 0x6002_0004;
const SEARCH = 0x6002_000c;
const UPDATES = 0x6002_0003;

describe('late binding', () => {
  it('names members by the class of the object: CLSID, then what each member returns', () => {
    const { story, session } = begun();
    session.call(invoke(1, CREATE_SEARCHER, { returns: dispatch(2) }));
    session.call(invoke(2, SEARCH, { args: [bstr('IsInstalled=0')], returns: dispatch(3) }));
    session.call(invoke(3, UPDATES, { flags: 2, returns: dispatch(4) }));
    session.call(invoke(4, 0, { flags: 2, args: [i4(0)], returns: dispatch(5) }));
    session.call(invoke(5, 0, { flags: 2, returns: bstr('A title') }));
    const { calls, late } = story.read();
    expect(late).toEqual([
      'IUpdateSession3#1::CreateUpdateSearcher',
      'IUpdateSearcher#1::Search',
      'ISearchResult#1::Updates',
      'IUpdateCollection#1::Item',
      'IUpdate#1::Title',
    ]);
    expect(calls.slice(1).map((call) => call.certainty)).toEqual([
      'inferred',
      'inferred',
      'inferred',
      'inferred',
      'inferred',
    ]);
    expect(calls[2]).toMatchObject({
      interface: 'IUpdateSearcher',
      method: 'Search',
      member: 'method',
      opnum: 19,
      printedOpnum: 20,
      spec: 'MS-UAMG',
      section: '3.38.4.11',
      binding: 'late',
      dispid: SEARCH,
      via: { interface: 'IDispatch', method: 'Invoke', opnum: 6 },
      in: { criteria: 'IsInstalled=0' },
      out: { retval: { label: 'ISearchResult#1' } },
    });
    expect(calls[1]?.because).toContain('activated as UpdateSession');
    expect(calls[4]).toMatchObject({ in: { index: 0 }, member: 'propget' });
  });

  it('takes names that GetIDsOfNames gave before the numbers of the table, and is sure of them', () => {
    const { story, session } = begun();
    session.call(names(1, ['CreateUpdateSearcher'], [77]));
    session.call(invoke(1, 77, { returns: dispatch(2) }));
    session.call(names(2, ['search'], [SEARCH]));
    session.call(invoke(2, SEARCH, { args: [bstr('')], returns: dispatch(3) }));
    const { calls, late } = story.read();
    expect(late).toEqual(['IUpdateSession3#1::CreateUpdateSearcher', 'IUpdateSearcher#1::Search']);
    expect(calls[2]).toMatchObject({ certainty: 'known', dispid: 77 });
    expect(calls[2]?.because).toMatch(/GetIDsOfNames named DISPID 77 CreateUpdateSearcher in frame \d+/);
  });

  it('tells members that two derived interfaces have by their number, though they were asked for by name', () => {
    const { story, session } = begun();
    session.call(invoke(1, CREATE_SEARCHER, { returns: dispatch(2) }));
    session.call(invoke(2, SEARCH, { args: [bstr('')], returns: dispatch(3) }));
    session.call(invoke(3, UPDATES, { flags: 2, returns: dispatch(4) }));
    session.call(invoke(4, 0, { flags: 2, args: [i4(0)], returns: dispatch(5) }));
    session.call(invoke(4, 0, { flags: 2, args: [i4(1)], returns: dispatch(6) }));
    // IUpdate2 and IWindowsDriverUpdate2 both have CveIDs, at different DISPIDs.
    session.call(names(5, ['CveIDs'], [0x6003_0004]));
    session.call(invoke(5, 0x6003_0004, { flags: 2, returns: dispatch(7) }));
    session.call(invoke(7, 0, { flags: 2, args: [i4(0)], returns: bstr('CVE-2026-1') }));
    session.call(names(6, ['CveIDs'], [0x6004_0004]));
    session.call(invoke(6, 0x6004_0004, { flags: 2, returns: dispatch(8) }));
    const { calls, late } = story.read();
    expect(late.slice(5)).toEqual(['IUpdate#1::CveIDs', 'IStringCollection#1::Item', 'IUpdate#2::CveIDs']);
    expect(
      calls.filter((call) => call.method === 'CveIDs').map((call) => [call.interface, call.out['retval']]),
    ).toEqual([
      ['IUpdate2', expect.objectContaining({ label: 'IStringCollection#1' })],
      ['IWindowsDriverUpdate2', expect.objectContaining({ label: 'IStringCollection#2' })],
    ]);
  });

  it('shows puts, gets and values as their declaration has them', () => {
    const { story, session } = begun();
    session.call(invoke(1, CREATE_SEARCHER, { returns: dispatch(2) }));
    session.call(invoke(2, 0x6002_000d, { flags: 4, named: [[-3, { vt: 'VT_BOOL', value: true }]] }));
    session.call(invoke(2, 0x6002_000d, { flags: 2, returns: { vt: 'VT_BOOL', value: true } }));
    session.call(invoke(2, 0x6002_0007, { flags: 4, named: [[-3, i4(2)]] }));
    session.call(invoke(2, 0x6002_0007, { flags: 4, named: [[-3, bstr('2')]] }));
    const { calls } = story.read();
    expect(calls.slice(2).map(({ method, member, in: given, out }) => ({ method, member, given, out }))).toEqual([
      { method: 'Online', member: 'propput', given: { value: true }, out: {} },
      { method: 'Online', member: 'propget', given: {}, out: { retval: true } },
      { method: 'ServerSelection', member: 'propput', given: { value: 'ssWindowsUpdate' }, out: {} },
      // Automation coerces it; what travelled stays to be seen.
      { method: 'ServerSelection', member: 'propput', given: { value: { vt: 'VT_BSTR', value: '2' } }, out: {} },
    ]);
  });

  it('puts arguments in the order of the declaration: positional ones reversed, named ones by number, missing ones left out, references with what came back', () => {
    const { story, session } = begun();
    session.call(invoke(1, CREATE_SEARCHER, { returns: dispatch(2) }));
    session.call(invoke(2, 0x6002_000b, { args: [i4(3), i4(50)], returns: dispatch(3) }));
    session.call(invoke(2, 0x6002_000b, { args: [i4(4)], named: [[1, i4(60)]], returns: dispatch(3) }));
    session.call(
      invoke(2, 0x6002_000b, { args: [i4(5), { vt: 'VT_ERROR', value: 0x8002_0004 }], returns: dispatch(3) }),
    );
    session.call(names(9, ['Ask', 'first', 'second'], [5, 0, 1]));
    session.call(
      invoke(9, 5, {
        args: [{ vt: 'VT_EMPTY', value: null }, i4(8)],
        byref: [[0, { vt: 'VT_I4', value: 1, byref: true }, { vt: 'VT_I4', value: 2, byref: true }]],
      }),
    );
    const { calls } = story.read();
    expect(calls.filter((call) => call.method === 'QueryHistory').map((call) => call.in)).toEqual([
      { startIndex: 3, count: 50 },
      { count: 60, startIndex: 4 },
      { startIndex: 5 },
    ]);
    expect(calls.at(-1)).toMatchObject({
      method: 'Ask',
      in: { first: { vt: 'VT_I4', value: 1 }, second: { vt: 'VT_I4', value: 8 } },
      out: { first: { vt: 'VT_I4', value: 2 } },
    });
  });

  it('unwraps an EXCEPINFO, and names the argument that was refused', () => {
    const { story, session } = begun();
    session.call(invoke(1, CREATE_SEARCHER, { returns: dispatch(2) }));
    session.call(
      invoke(2, SEARCH, {
        args: [bstr('x')],
        exception: { scode: 0x8024_0032, bstrSource: 'WUA', bstrDescription: 'bad criteria' },
      }),
    );
    session.call(invoke(2, SEARCH, { args: [bstr('x')], exception: { wCode: 1004 } }));
    session.call(invoke(2, 0x6002_000b, { args: [i4(0), bstr('x')], hresult: 0x8002_0005, argErr: 0 }));
    const { calls } = story.read();
    expect(calls[2]).toMatchObject({
      hresult: 0x8024_0032,
      wrapped: 'DISP_E_EXCEPTION',
      exception: { source: 'WUA', description: 'bad criteria' },
      method: 'Search',
    });
    expect(calls[3]).toMatchObject({ hresult: 1004, wrapped: 'DISP_E_EXCEPTION' });
    // rgvarg is reversed: its first element is the last argument.
    expect(calls[4]).toMatchObject({ hresult: 0x8002_0005, wrapped: null, refused: 'count' });
  });

  it('ties an enumerator to its collection, and what it hands out to the class of the elements', () => {
    const { story, session } = begun();
    session.call(invoke(1, CREATE_SEARCHER, { returns: dispatch(2) }));
    session.call(invoke(2, SEARCH, { args: [bstr('')], returns: dispatch(3) }));
    session.call(invoke(3, UPDATES, { flags: 2, returns: dispatch(4) }));
    session.call(invoke(4, -4, { flags: 3, returns: { vt: 'VT_UNKNOWN', value: reference(5, 'IEnumVARIANT') } }));
    session.call({
      interface: 'IEnumVARIANT',
      method: 'Next',
      ipid: ipid(5),
      in: { celt: 2 },
      out: { rgVar: [dispatch(6), dispatch(7)], pCeltFetched: 2 },
    });
    session.call(invoke(6, 0, { flags: 2, returns: bstr('first') }));
    const reading = story.read();
    expect(reading.late.at(-1)).toBe('IUpdate#1::Title');
    expect(reading.object('IUpdate#2')).toMatchObject({ parent: 'IEnumVARIANT#1', class: 'IUpdate' });
    expect(reading.object('IUpdate#1').because).toContain('the enumerator of IUpdateCollection#1');
  });

  it('tells apart interfaces that use a DISPID twice by the shape of the call, and says why it cannot', () => {
    const { story, session } = begun();
    session.call(invoke(1, CREATE_SEARCHER, { returns: dispatch(2) }));
    session.call(invoke(2, SEARCH, { args: [bstr('')], returns: dispatch(3) }));
    session.call(invoke(3, UPDATES, { flags: 2, returns: dispatch(4) }));
    for (const object of [5, 6, 7])
      session.call(invoke(4, 0, { flags: 2, args: [i4(object)], returns: dispatch(object) }));
    // 0x60030001 is RebootRequired of IUpdate2 and DriverClass of IWindowsDriverUpdate.
    session.call(invoke(5, 0x6003_0001, { flags: 2, returns: { vt: 'VT_BOOL', value: true } }));
    session.call(invoke(6, 0x6003_0001, { flags: 2, returns: bstr('Net') }));
    session.call(invoke(7, 0x6003_0001, { flags: 2, returns: { vt: 'VT_EMPTY', value: null }, hresult: 0x8000_4005 }));
    const { calls } = story.read();
    expect(calls.slice(-3).map((call) => [call.interface, call.method])).toEqual([
      ['IUpdate2', 'RebootRequired'],
      ['IWindowsDriverUpdate', 'DriverClass'],
      ['IDispatch', 'Invoke'],
    ]);
    expect(calls.at(-1)?.because).toContain('no such member at DISPID 0x60030001');
  });

  it('says why where nothing tells the class', () => {
    const { story, session } = begun();
    session.call(invoke(40, 0x6002_0001, { flags: 2, returns: i4(1) }));
    const { calls } = story.read();
    expect(calls[1]).toMatchObject({ interface: 'IDispatch', method: 'Invoke', binding: 'late', dispid: 0x6002_0001 });
    expect(calls[1]?.because).toContain('class of IDispatch#1 is not known');
  });

  it('finds a class from names, and that of a collection from what it held', () => {
    const story = new Story();
    const session = story.dial();
    session.call(names(1, ['Item'], [0]));
    session.call(invoke(1, 0, { flags: 2, args: [i4(0)], returns: dispatch(2) }));
    session.call(names(2, ['MsrcSeverity'], [0x6002_001a]));
    session.call(invoke(2, 0x6002_001a, { flags: 2, returns: bstr('Critical') }));
    session.call(invoke(1, 0, { flags: 2, args: [i4(1)], returns: dispatch(3) }));
    session.call(invoke(3, 0, { flags: 2, returns: bstr('Title') }));
    const { calls, late, objects } = story.read();
    // The first Item is named by its name alone; by the second one, its collection is known.
    expect(late).toEqual([
      'IDispatch#1::Item',
      'IUpdate#1::MsrcSeverity',
      'IUpdateCollection#1::Item',
      'IUpdate#2::Title',
    ]);
    expect(calls[1]).toMatchObject({ interface: 'IDispatch', certainty: 'known' });
    expect(calls[4]).toMatchObject({ interface: 'IUpdateCollection', certainty: 'inferred' });
    expect(objects.map((one) => [one.label, one.formerLabel])).toContainEqual(['IUpdateCollection#1', 'IDispatch#1']);
  });

  it('reads type information: the class by its IID, members by their names', () => {
    const { story, session } = begun();
    const attr = (guid: string): { readonly [name: string]: number | string | null | object } => ({
      guid,
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
      tdescAlias: { _tdUnion: { none: null }, vt: 0 },
      dwReserved5: 0,
      wReserved6: 0,
    });
    session.call({
      interface: 'IDispatch',
      method: 'GetTypeInfo',
      ipid: ipid(30),
      in: { iTInfo: 0, lcid: 0 },
      out: { ppTInfo: reference(31, 'ITypeInfo') },
    });
    session.call({
      interface: 'ITypeInfo',
      method: 'GetTypeAttr',
      ipid: ipid(31),
      out: { ppTypeAttr: attr('8f45abf1-f9ae-4b95-a933-f0f66e5056ea') as never, pReserved: 0 },
    });
    session.call(invoke(30, SEARCH, { args: [bstr('')], returns: dispatch(3) }));
    session.call({
      interface: 'IDispatch',
      method: 'GetTypeInfo',
      ipid: ipid(40),
      in: { iTInfo: 0, lcid: 0 },
      out: { ppTInfo: reference(41, 'ITypeInfo') },
    });
    session.call({
      interface: 'ITypeInfo',
      method: 'GetTypeAttr',
      ipid: ipid(41),
      out: { ppTypeAttr: attr('11111111-2222-3333-4444-555555555555') as never, pReserved: 0 },
    });
    session.call({
      interface: 'ITypeInfo',
      method: 'GetDocumentation',
      ipid: ipid(41),
      in: { memid: -1, refPtrFlags: 1 },
      out: { pBstrName: '_Thing', pBstrDocString: null, pdwHelpContext: 0, pBstrHelpFile: null },
    });
    session.call({
      interface: 'ITypeInfo',
      method: 'GetNames',
      ipid: ipid(41),
      in: { memid: 9, cMaxNames: 3 },
      out: { rgBstrNames: ['Do', 'what', 'how'], pcNames: 3 },
    });
    session.call(invoke(40, 9, { args: [bstr('a'), bstr('b')] }));
    const { calls, late } = story.read();
    expect(late).toEqual(['IUpdateSearcher#1::Search', '_Thing#1::Do']);
    expect(calls[3]?.because).toContain('ITypeInfo::GetTypeAttr described it');
    expect(calls.at(-1)).toMatchObject({
      interface: '_Thing',
      in: { what: { value: 'a' }, how: { value: 'b' } },
      certainty: 'known',
    });
  });
});

describe('a capture that starts late', () => {
  const trace = lateBound();
  const story = new Story();
  story.trace.packets.push(...trace.packets);
  const whole = story.read();
  const nameOf = new Map(
    whole.calls.map((call) => [
      `${call.callId}/${call.flow}/${call.time?.timeNs}`,
      `${call.interface}::${call.method}`,
    ]),
  );
  const keyOf = (call: (typeof whole.calls)[number]): string => `${call.callId}/${call.flow}/${call.time?.timeNs}`;

  it('reads as members from first to last when it is whole', () => {
    const late = whole.calls.filter((call) => call.binding === 'late');
    expect(late.length).toBeGreaterThan(20);
    expect(
      late.filter((call) => call.method === 'Invoke' || call.certainty === 'guessed' || call.interface === 'IDispatch'),
    ).toEqual([]);
  });

  it.each([0.2, 1 / 3, 0.5, 0.7])('with its first %f cut off names nothing wrong, and says why of the rest', (part) => {
    const from = Math.floor(trace.packets.length * part);
    const { calls } = story.read((index) => index >= from);
    const late = calls.filter((call) => call.binding === 'late');
    expect(late.length).toBeGreaterThan(5);
    const flows = new Map([...nameOf].map(([key, name]) => [key.replace(/\/\d+\//, '/'), name]));
    for (const call of late) {
      const truth = flows.get(keyOf(call).replace(/\/\d+\//, '/'));
      if (call.method === 'Invoke') expect(call.because).not.toBeNull();
      else expect([truth, `IDispatch::${truth?.split('::')[1]}`]).toContain(`${call.interface}::${call.method}`);
    }
    expect(late.filter((call) => call.method !== 'Invoke').length).toBeGreaterThan(late.length / 2);
  });
});
