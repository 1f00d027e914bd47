import { describe, expect, it } from 'vitest';
import { objectJson, objectsText } from '../../src/output/objects.js';
import { analyze } from '../support/roundtrip.js';
import { shared } from '../support/shared.js';
import {
  activation,
  bstr,
  dispatch,
  invoke,
  ipid,
  names,
  reference,
  Story,
  UPDATE_SESSION,
  type Fields,
} from '../support/story.js';

const REM_UNKNOWN = ipid(0xa001);

function begun(): {
  readonly story: Story;
  readonly session: ReturnType<Story['dial']>;
  readonly resolver: ReturnType<Story['dial']>;
} {
  const story = new Story();
  const resolver = story.dial(135);
  resolver.call(activation(UPDATE_SESSION, reference(1, 'IUpdateSession')));
  return { story, session: story.dial(), resolver };
}

function release(
  session: ReturnType<Story['dial']>,
  ...of: readonly (readonly [object: number, count: number])[]
): void {
  session.call({
    interface: 'IRemUnknown2',
    method: 'RemRelease',
    ipid: REM_UNKNOWN,
    in: {
      cInterfaceRefs: of.length,
      InterfaceRefs: of.map(([object, count]) => ({ ipid: ipid(object), cPublicRefs: count, cPrivateRefs: 0 })),
    },
  });
}

describe('objects', () => {
  it('are known by who made them, and counted by their references', () => {
    const { story, session } = begun();
    session.call({
      interface: 'IUpdateSession',
      method: 'CreateUpdateSearcher',
      ipid: ipid(1),
      out: { retval: reference(2, 'IUpdateSearcher') },
    });
    session.call({
      interface: 'IRemUnknown2',
      method: 'RemAddRef',
      ipid: REM_UNKNOWN,
      in: { cInterfaceRefs: 1, InterfaceRefs: [{ ipid: ipid(2), cPublicRefs: 3, cPrivateRefs: 0 }] },
      out: { pResults: [0] },
    });
    release(session, [2, 4]);
    const reading = story.read();
    expect(reading.object('IUpdateSearcher#1')).toMatchObject({
      class: 'IUpdateSearcher',
      madeBy: 2,
      parent: 'IUpdateSession#1',
      references: 4,
      releasedBy: null,
      calls: 0,
      oid: '0x0000000000000002',
      oxid: '0x8a1f22c3d4e5f607',
      server: { address: '192.0.2.9' },
      interfaces: [{ ipid: ipid(2), interface: 'IUpdateSearcher', references: 4 }],
    });
    expect(reading.object('IUpdateSession#1')).toMatchObject({
      class: 'IUpdateSession3',
      calls: 1,
      references: 5,
      server: { port: 49_668 },
    });
    expect(reading.object('IRemUnknown#1')).toMatchObject({ calls: 2, class: 'IRemUnknown' });
    expect(reading.calls[2]?.object).toMatchObject({ label: 'IRemUnknown#1', oxid: '0x8a1f22c3d4e5f607' });
  });

  it('are released by the call that gives the last reference back; a second release and a later call are findings', () => {
    const { story, session } = begun();
    session.call({
      interface: 'IUpdateSession',
      method: 'CreateUpdateSearcher',
      ipid: ipid(1),
      out: { retval: reference(2, 'IUpdateSearcher') },
    });
    release(session, [2, 5]);
    release(session, [2, 1]);
    session.call({ interface: 'IUpdateSearcher', method: 'GetTotalHistoryCount', ipid: ipid(2), out: { retval: 0 } });
    session.call({ interface: 'IUpdateSearcher', method: 'GetTotalHistoryCount', ipid: ipid(2), out: { retval: 0 } });
    const reading = story.read();
    expect(reading.object('IUpdateSearcher#1')).toMatchObject({ references: 0, releasedBy: 4 });
    expect(reading.findings.map((one) => [one.rule, one.call, one.object])).toEqual([
      ['double-release', 4, 'IUpdateSearcher#1'],
      ['use-after-release', 5, 'IUpdateSearcher#1'],
    ]);
  });

  it('leak when their client goes away with references, and do not when it is still there', () => {
    const { story, session } = begun();
    session.call({
      interface: 'IUpdateSession',
      method: 'CreateUpdateSearcher',
      ipid: ipid(1),
      out: { retval: reference(2, 'IUpdateSearcher') },
    });
    release(session, [1, 5]);
    expect(story.read().objects.filter((one) => one.leaked)).toEqual([]);
    story.close();
    const reading = story.read();
    expect(reading.objects.filter((one) => one.leaked).map((one) => one.label)).toEqual(['IUpdateSearcher#1']);
    expect(reading.rules).toEqual(['leaked-references']);
  });

  it('get further interfaces by RemQueryInterface, which refines their class', () => {
    const { story, session } = begun();
    const iids = ['IUpdateSession2', 'IUpdateSession3'].map((iface) => String(reference(1, iface)['iid']));
    const std = (object: number): Fields => ({
      flags: 0,
      cPublicRefs: 5,
      oxid: '0x8a1f22c3d4e5f607',
      oid: '0x0000000000000001',
      ipid: ipid(object),
    });
    session.call({
      interface: 'IRemUnknown2',
      method: 'RemQueryInterface',
      ipid: REM_UNKNOWN,
      in: { ripid: ipid(1), cRefs: 5, cIids: 2, iids },
      out: {
        ppQIResults: [
          { hResult: 0, std: std(11) },
          { hResult: 0, std: std(12) },
        ],
      },
    });
    session.call({
      interface: 'IUpdateSession2',
      method: 'UserLocale',
      kind: 'propget',
      ipid: ipid(11),
      out: { retval: 1033 },
    });
    const reading = story.read();
    expect(
      reading.object('IUpdateSession#1').interfaces.map((one) => [one.interface, one.references, one.calls]),
    ).toEqual([
      ['IUpdateSession', 5, 0],
      ['IUpdateSession2', 5, 1],
      ['IUpdateSession3', 5, 0],
    ]);
    expect(reading.calls.at(-1)?.object?.label).toBe('IUpdateSession#1');
  });

  it('come from class objects too', () => {
    const story = new Story();
    story.dial(135).call(activation(UPDATE_SESSION, reference(20, 'IClassFactory'), true));
    const session = story.dial();
    session.call({
      interface: 'IClassFactory',
      method: 'CreateInstance',
      ipid: ipid(20),
      in: { riid: String(reference(1)['iid']) },
      out: { ppvObject: reference(21) },
    });
    session.call(invoke(21, 0x6002_0004, { returns: dispatch(2) }));
    const reading = story.read();
    expect(reading.late).toEqual(['IUpdateSession3#1::CreateUpdateSearcher']);
    expect(reading.object('IUpdateSession3#1')).toMatchObject({ parent: 'IClassFactory#1', madeBy: 2 });
  });

  it('are found in SAFEARRAYs and arguments', () => {
    const { story, session } = begun();
    session.call(
      invoke(1, 5, {
        returns: { vt: 'VT_DISPATCH', dims: [{ count: 2, lower: 0 }], value: [reference(7), reference(8)] },
      }),
    );
    session.call({
      interface: 'IUpdateCollection',
      method: 'Add',
      ipid: ipid(9),
      in: { value: reference(7, 'IUpdate') },
      out: { retval: 0 },
    });
    const { objects } = story.read();
    expect(objects.map((one) => one.oid)).toEqual(expect.arrayContaining(['0x0000000000000007', '0x0000000000000008']));
  });

  it('are kept alive by pings of their sets', () => {
    const { story, session, resolver } = begun();
    const complex = (sequence: number, add: readonly number[], del: readonly number[]): void =>
      resolver.call({
        interface: 'IObjectExporter',
        method: 'ComplexPing',
        in: {
          pSetId: sequence === 1 ? '0x0000000000000000' : '0x00000000000000aa',
          SequenceNum: sequence,
          cAddToSet: add.length,
          cDelFromSet: del.length,
          AddToSet: add.length === 0 ? null : add.map((oid) => `0x${oid.toString(16).padStart(16, '0')}`),
          DelFromSet: del.length === 0 ? null : del.map((oid) => `0x${oid.toString(16).padStart(16, '0')}`),
        },
        out: { pSetId: '0x00000000000000aa', pPingBackoffFactor: 0 },
      });
    session.call({
      interface: 'IUpdateSession',
      method: 'CreateUpdateSearcher',
      ipid: ipid(1),
      out: { retval: reference(2, 'IUpdateSearcher') },
    });
    complex(1, [1, 2], []);
    resolver.call({ interface: 'IObjectExporter', method: 'SimplePing', in: { pSetId: '0x00000000000000aa' } });
    complex(2, [], [2]);
    resolver.call({ interface: 'IObjectExporter', method: 'SimplePing', in: { pSetId: '0x00000000000000aa' } });
    const reading = story.read();
    expect([reading.object('IUpdateSession#1').pings, reading.object('IUpdateSearcher#1').pings]).toEqual([4, 2]);
  });

  it('used for long and never pinged are a finding', () => {
    const { story, session } = begun();
    session.call({
      interface: 'IUpdateSession',
      method: 'ClientApplicationID',
      kind: 'propget',
      ipid: ipid(1),
      out: { retval: 'a' },
    });
    for (let i = 0; i < 100; i++) story.trace.wait(4_000_000);
    session.call({
      interface: 'IUpdateSession',
      method: 'ClientApplicationID',
      kind: 'propget',
      ipid: ipid(1),
      out: { retval: 'a' },
    });
    expect(story.read().rules).toEqual(['not-pinged']);
  });

  it('give their IPID to another object when a server starts again', () => {
    const { story, session } = begun();
    session.call({
      interface: 'IUpdateSession',
      method: 'CreateUpdateSearcher',
      ipid: ipid(1),
      out: { retval: reference(2, 'IUpdateSearcher') },
    });
    story.dial(135).call(activation(UPDATE_SESSION, reference(2, 'IUpdateSession', { oxid: '0x1111111111111111' })));
    session.call({
      interface: 'IUpdateSession',
      method: 'ClientApplicationID',
      kind: 'propget',
      ipid: ipid(2),
      out: { retval: 'a' },
    });
    const reading = story.read();
    expect(reading.rules).toEqual(['ipid-reused']);
    expect(reading.calls.at(-1)?.object?.label).toBe('IUpdateSession#2');
  });

  it('are forgotten past their limit, which is said', async () => {
    const { Analyzer } = await import('../../src/analysis/analyzer.js');
    const { knowledge } = await import('../../src/io/knowledge.js');
    const { blockOf } = await import('../../src/bytes/block.js');
    const { story, session } = begun();
    for (let i = 2; i < 40; i++)
      session.call({
        interface: 'IUpdateSession',
        method: 'CreateUpdateSearcher',
        ipid: ipid(1),
        out: { retval: reference(i, 'IUpdateSearcher') },
      });
    const analyzer = new Analyzer({ registry: knowledge().registry, limits: { objects: 8 } });
    const out: Parameters<typeof analyzer.push>[1] = [];
    for (const [index, { data, timeS, timeNs }] of story.trace.packets.entries()) {
      analyzer.push(
        {
          kind: 'frame',
          block: blockOf(data),
          start: 0,
          end: data.length,
          number: index + 1,
          linkType: 1,
          wireLength: data.length,
          interfaceId: 0,
          offset: 0,
          hasTime: true,
          timeS,
          timeNs,
        },
        out,
      );
    }
    analyzer.end(out);
    expect(analyzer.objects().length).toBeLessThanOrEqual(8);
    expect(out.filter((item) => item.kind === 'finding').map((item) => item.rule)).toContain('objects-forgotten');
    // The session is older than all that went, and is still called.
    expect(analyzer.objects().find((one) => one.label === 'IUpdateSession#1')?.calls).toBe(38);
  });
});

describe('the object graph', () => {
  it('shows under each object those its calls made, as text and as records', () => {
    const { story, session } = begun();
    session.call({
      interface: 'IUpdateSession',
      method: 'CreateUpdateSearcher',
      ipid: ipid(1),
      out: { retval: reference(2, 'IUpdateSearcher') },
    });
    const { objects } = story.read();
    expect(objectsText(objects)).toMatch(
      /^objects: 3\nIUpdateSession#1 {2}class IUpdateSession3 {2}as IUpdateSession {2}made by call 1 {2}1 call {2}5 references held .*\n└─ IUpdateSearcher#1 /,
    );
    expect(JSON.parse(objectJson(objects[0] as (typeof objects)[number]))).toMatchObject({
      kind: 'object',
      label: 'IUpdateSession#1',
      server: '192.0.2.9:49668',
    });
  });
});

describe('callbacks', () => {
  it('are chained to the call that caused them by its causality', () => {
    const { story, session } = begun();
    const back = story.dial(1178, { back: true });
    session.call({
      interface: 'IUpdateSession',
      method: 'ClientApplicationID',
      kind: 'propget',
      ipid: ipid(1),
      out: { retval: 'a' },
    });
    const answer = session.begin({
      interface: 'IUpdateSession',
      method: 'CreateUpdateSearcher',
      ipid: ipid(1),
      out: { retval: reference(2, 'IUpdateSearcher') },
    });
    back.call({
      interface: 'IUpdateSession',
      method: 'ClientApplicationID',
      kind: 'propget',
      ipid: ipid(0x77),
      out: { retval: 'b' },
    });
    answer();
    const { calls } = story.read();
    expect(calls.map((call) => [call.id, call.client.address, [...call.callbacks]])).toEqual([
      [1, '192.0.2.5', []],
      [2, '192.0.2.5', []],
      [3, '192.0.2.9', []],
      [4, '192.0.2.5', [3]],
    ]);
  });
});

describe('an object whose reference nobody saw', () => {
  it('has the interface of its context, and takes the identity a later reference gives it', () => {
    const story = new Story();
    const session = story.dial();
    session.call({ interface: 'IUpdate', method: 'Title', ipid: ipid(5), out: { retval: 'a' } });
    session.call({
      interface: 'IUpdateCollection',
      method: 'Item',
      kind: 'propget',
      ipid: ipid(9),
      in: { index: 0 },
      out: { retval: reference(5, 'IUpdate') },
    });
    const { calls, object } = story.read();
    expect(calls[0]?.object).toEqual({ ipid: ipid(5), oid: null, oxid: null, label: 'IUpdate#1' });
    expect(object.call(story.read(), 'IUpdate#1')).toMatchObject({ oid: '0x0000000000000005', madeBy: null });
  });
});

const mmc = shared('captures/mmc20-application.pcap', 'the objects of the MMC20 capture');

describe.skipIf(mmc === null)('the MMC20 capture', () => {
  it('names every member, and its objects are those of a list made by hand', async () => {
    const out = await analyze(mmc ?? '');
    const calls = out.filter((item) => item.kind === 'call');
    const late = calls.filter((call) => call.binding === 'late');
    expect(late.map((call) => `${call.object?.label}.${call.method}`)).toEqual([
      '_Application#1.Document',
      'Document#1.ActiveView',
      'View#1.ExecuteShellCommand',
    ]);
    expect(late[2]?.in).toEqual({
      Command: { vt: 'VT_BSTR', value: 'cmd' },
      Directory: { vt: 'VT_BSTR', value: '' },
      Parameters: { vt: 'VT_BSTR', value: '/c hostname' },
      WindowState: { vt: 'VT_BSTR', value: '7' },
    });
  });

  it('holds the objects of a list checked by hand against tshark (dcom.oid, dcom.ipid, dcom.stdobjref.public_refs of frames 17 to 323)', async () => {
    const { Analyzer } = await import('../../src/analysis/analyzer.js');
    const { knowledge } = await import('../../src/io/knowledge.js');
    const { Readable } = await import('node:stream');
    const known = knowledge();
    const analyzer = new Analyzer({ registry: known.registry });
    for await (const batch of known.open(mmc ?? '', 0, Readable.from([]))) {
      for (const item of batch.items) if (item.kind === 'frame') analyzer.push(item, []);
      analyzer.settle();
    }
    analyzer.end([]);
    const objects = analyzer.objects().filter((one) => one.oid !== null);
    expect(
      objects.map((one) => [
        one.label,
        one.oid,
        one.interfaces.map((iface) => `${iface.interface} ${iface.ipid.slice(0, 8)}`),
      ]),
    ).toEqual([
      ['IClassFactory#1', '0x657a2eaf2499944a', ['IClassFactory 0000cc0b']],
      [
        '_Application#1',
        '0xe495be43931cc749',
        ['IUnknown 00006c0c', 'IProvideClassInfo 0000540b', 'IDispatch 0000100d'],
      ],
      ['ITypeInfo#1', '0x9823fc14c8962d6d', ['ITypeInfo 0000840d']],
      ['ITypeInfo#2', '0x9cc6567d044ce358', ['ITypeInfo 0000b80e']],
      ['Document#1', '0x1967273374639165', ['IDispatch 0000ec0f']],
      ['ITypeInfo#3', '0xcf9b8d932cc943af', ['ITypeInfo 00005010']],
      ['View#1', '0xcf9eeaa88241e381', ['IDispatch 00004811']],
      ['ITypeInfo#4', '0x134b97db486a1919', ['ITypeInfo 00000412']],
    ]);
    expect(
      objects.every(
        (one) => one.oxid === '0xb5c018689dc8086e' && one.references === 0 && one.releasedBy !== null && !one.leaked,
      ),
    ).toBe(true);
  });
});

describe('names in more than one language', () => {
  it('are compared without case', () => {
    const { story, session } = begun();
    session.call(names(1, ['CREATEUPDATESEARCHER'], [0x6002_0004]));
    session.call(invoke(1, 0x6002_0004, { returns: dispatch(2) }));
    session.call(names(2, ['escapestring'], [0x6002_000a]));
    session.call(invoke(2, 0x6002_000a, { args: [bstr("a'b")], returns: bstr("a''b") }));
    expect(story.read().late).toEqual(['IUpdateSession#1::CreateUpdateSearcher', 'IUpdateSearcher#1::EscapeString']);
  });
});
