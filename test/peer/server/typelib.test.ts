import { describe, expect, it } from 'vitest';
import { uamg } from '../../../dissectors/uamg/index.js';
import type { Fields } from '../../../src/ndr/codec.js';
import type { Value } from '../../../src/types.js';
import { CLASSES, Peer, referenceIn, registry, type Came, type Reference } from './support.js';

const TYPE_E_ELEMENTNOTFOUND = 0x8002802b;
const MEMBERID_NIL = -1;

/** A client that reads a library as scripting hosts do: from an object to its type, from there to the library. */
class Reader {
  readonly peer = new Peer();
  readonly library: Reference;
  readonly index: number;

  constructor() {
    const session = this.peer.activate(CLASSES.session, 'IUpdateSession3');
    const info = referenceIn(
      this.peer.call('IDispatch', 'GetTypeInfo', session, { iTInfo: 0, lcid: 0x409 }).out['ppTInfo'],
    );
    const { out } = this.peer.call('ITypeInfo', 'GetContainingTypeLib', info);
    this.library = referenceIn(out['ppTLib']);
    this.index = Number(out['pIndex']);
  }

  ask(method: string, params: Fields = {}): Came {
    return this.peer.call('ITypeLib', method, this.library, params);
  }

  info(index: number): Reference {
    return referenceIn(this.ask('GetTypeInfo', { index }).out['ppTInfo']);
  }

  of(info: Reference, method: string, params: Fields = {}): Came {
    return this.peer.call('ITypeInfo', method, info, params);
  }

  name(info: Reference, memid = MEMBERID_NIL): Value {
    return this.of(info, 'GetDocumentation', { memid, refPtrFlags: 1 }).out['pBstrName'] ?? null;
  }

  attributes(info: Reference): { readonly guid: string; readonly cVars: number; readonly cFuncs: number } {
    return this.of(info, 'GetTypeAttr').out['ppTypeAttr'] as never;
  }
}

/** Names of all types of a kind, with their places. */
function typesOf(reader: Reader, kind: string): readonly (readonly [index: number, name: Value])[] {
  const count = Number(reader.ask('GetTypeInfoCount').out['pcTInfo']);
  return Array.from({ length: count }, (_, index) => index)
    .filter((index) => reader.ask('GetTypeInfoType', { index }).out['pTKind'] === kind)
    .map((index) => [index, reader.ask('GetDocumentation', { index, refPtrFlags: 1 }).out['pBstrName'] ?? null]);
}

describe('the type library of the agent', () => {
  it('says what it is, and where the type of an object stands in it', () => {
    const reader = new Reader();
    expect(reader.ask('GetLibAttr').out['ppTLibAttr']).toEqual({
      guid: 'b596cc9f-56e5-419e-a622-e01bb457431e',
      lcid: 0,
      syskind: 'SYS_WIN64',
      wMajorVerNum: 2,
      wMinorVerNum: 0,
      wLibFlags: 0,
    });
    expect(reader.name(reader.info(reader.index))).toBe('IUpdateSession3');
    expect(reader.ask('GetDocumentation', { index: -1, refPtrFlags: 15 }).out).toMatchObject({
      pBstrName: 'WUApiLib',
      pBstrDocString: 'WUAPI 2.0 Type Library',
    });
    // What nobody wants is not given (3.11.4.7).
    expect(reader.ask('GetDocumentation', { index: -1, refPtrFlags: 2 }).out['pBstrName']).toBeNull();
    const count = Number(reader.ask('GetTypeInfoCount').out['pcTInfo']);
    expect([
      reader.ask('GetTypeInfo', { index: count }).hresult,
      reader.ask('GetTypeInfoType', { index: count }).hresult,
      reader.ask('GetDocumentation', { index: count, refPtrFlags: 1 }).hresult,
      reader.ask('GetTypeInfoOfGuid', { guid: '00000000-0000-0000-0000-000000000000' }).hresult,
    ]).toEqual(Array.from({ length: 4 }, () => TYPE_E_ELEMENTNOTFOUND));
  });

  it('has every enumeration of [MS-UAMG] 2.2 with its constants', () => {
    const reader = new Reader();
    const told = typesOf(reader, 'TKIND_ENUM').map(([index, name]) => {
      const info = reader.info(index);
      const constants = Array.from({ length: reader.attributes(info).cVars }, (_, at) => {
        const described = reader.of(info, 'GetVarDesc', { index: at }).out['ppVarDesc'] as {
          readonly memid: number;
          readonly varkind: string;
          readonly _vdUnion: { readonly lpvarValue: { readonly value: number } };
        };
        expect(described.varkind).toBe('VAR_CONST');
        return [reader.name(info, described.memid), described._vdUnion.lpvarValue.value];
      });
      return [name, constants];
    });
    expect(told).toEqual(
      uamg.types.flatMap((type) => (type.kind === 'enum' ? [[type.name, Object.entries(type.members)]] : [])),
    );
  });

  it('has every class with its CLSID and default interface, and every interface by its IID', () => {
    const reader = new Reader();
    const classes = typesOf(reader, 'TKIND_COCLASS').map(([index, name]) => {
      const info = reader.info(index);
      expect(reader.of(info, 'GetImplTypeFlags', { index: 0 }).out['pImplTypeFlags']).toBe(1);
      const hRefType = Number(reader.of(info, 'GetRefTypeOfImplType', { index: 0 }).out['pRefType']);
      const implemented = referenceIn(reader.of(info, 'GetRefTypeInfo', { hRefType }).out['ppTInfo']);
      return [name, reader.attributes(info).guid, reader.name(implemented)];
    });
    expect(classes).toEqual(uamg.classes.map((one) => [one.name, one.clsid, one.interface]));
    for (const { name, uuid } of uamg.interfaces) {
      const info = referenceIn(reader.ask('GetTypeInfoOfGuid', { guid: uuid }).out['ppTInfo']);
      expect([reader.name(info), reader.attributes(info).guid]).toEqual([name, uuid]);
    }
  });

  it('finds names of types and members whatever their case (2.2.50)', () => {
    const reader = new Reader();
    const isName = (szNameBuf: string): readonly unknown[] => {
      const { out } = reader.ask('IsName', { szNameBuf, lHashVal: 0 });
      return [out['pfName'], out['pBstrNameInLibrary']];
    };
    expect([isName('iupdatesearcher'), isName('ORCFAILED'), isName('createupdatesearcher'), isName('nobody')]).toEqual([
      [1, 'IUpdateSearcher'],
      [1, 'orcFailed'],
      [1, 'CreateUpdateSearcher'],
      [0, null],
    ]);
    const find = (szNameBuf: string, pcFound: number): Came =>
      reader.ask('FindName', { szNameBuf, lHashVal: 0, pcFound });
    const { out } = find('escapestring', 2);
    expect([out['pcFound'], out['pBstrNameInLibrary'], out['rgMemId']]).toEqual([
      2,
      'EscapeString',
      [0x6002000a, 0x6002000a],
    ]);
    expect((out['ppTInfo'] as readonly Value[]).map((one) => reader.name(referenceIn(one)))).toEqual([
      'IUpdateSearcher',
      'IUpdateSearcher2',
    ]);
    expect(find('nobody', 4).out).toMatchObject({ pcFound: 0, ppTInfo: [], pBstrNameInLibrary: null });
    expect(find('Count', 60_000).out['pcFound']).toBeGreaterThan(7);
  });

  it('binds names: constants and enumerations in the library, members in their type (3.5.4.1)', () => {
    const reader = new Reader();
    const library = referenceIn(reader.ask('GetTypeComp').out['ppTComp']);
    const bind = (comp: Reference, szName: string, wFlags = 0): Fields =>
      reader.peer.call('ITypeComp', 'Bind', comp, { szName, lHashVal: 0, wFlags }).out;
    expect(bind(library, 'ssothers')).toMatchObject({
      pDescKind: 'DESCKIND_VARDESC',
      ppVarDesc: { _vdUnion: { lpvarValue: { vt: 'VT_I4', value: 3 } } },
      ppFuncDesc: null,
    });
    const inEnum = bind(library, 'ServerSelection');
    expect(inEnum['pDescKind']).toBe('DESCKIND_TYPECOMP');
    expect(bind(referenceIn(inEnum['ppTypeComp']), 'ssManagedServer')['pDescKind']).toBe('DESCKIND_VARDESC');
    expect(bind(library, 'Search')).toMatchObject({ pDescKind: 'DESCKIND_NONE', ppTInfo: null });
    const searcher = referenceIn(
      reader.ask('GetTypeInfoOfGuid', { guid: registry.interfaceByName('IUpdateSearcher3')?.interface.uuid ?? '' }).out[
        'ppTInfo'
      ],
    );
    const members = referenceIn(reader.of(searcher, 'GetTypeComp').out['ppTComp']);
    expect(bind(members, 'online', 4)).toMatchObject({
      pDescKind: 'DESCKIND_FUNCDESC',
      ppFuncDesc: { memid: 0x6002000d, invkind: 4 },
    });
    expect(bind(members, 'online', 1)['pDescKind']).toBe('DESCKIND_NONE');
    const bindType = (comp: Reference, szName: string): Value =>
      reader.peer.call('ITypeComp', 'BindType', comp, { szName, lHashVal: 0 }).out['ppTInfo'] ?? null;
    expect(reader.name(referenceIn(bindType(library, 'isearchresult')))).toBe('ISearchResult');
    expect([bindType(library, 'nobody'), bindType(members, 'ISearchResult')]).toEqual([null, null]);
  });

  it('gives each client objects of its own', () => {
    const [one, other] = [new Reader(), new Reader()];
    expect(one.library.ipid === other.library.ipid && one.peer === other.peer).toBe(false);
    const session = one.peer.activate(CLASSES.session, 'IUpdateSession3');
    const info = (): string =>
      referenceIn(one.peer.call('IDispatch', 'GetTypeInfo', session, { iTInfo: 0, lcid: 0 }).out['ppTInfo']).ipid;
    expect(info()).not.toBe(info());
  });
});
