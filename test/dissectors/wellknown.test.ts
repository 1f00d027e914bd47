import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classesIn, interfacesIn } from '../../dissectors/wellknown/make/extract.js';
import { readWellKnown, WellKnownTable, writeWellKnown } from '../../dissectors/wellknown/table.js';
import { knowledge } from '../../src/io/knowledge.js';
import { ROOT } from '../support/shared.js';

const TEXT = readFileSync(join(ROOT, 'dissectors/wellknown/names.txt'), 'utf8');
const table = new WellKnownTable(readWellKnown(TEXT));

/** `ERROR_EXTENSION` and `ErrorExtension` are one name. */
const plain = (name: string): string => name.replaceAll('_', '').toLowerCase();

describe('the table of well-known interfaces', () => {
  it('is what its own text says, whole', () => {
    const short = (name: string): string => (name === '(not used on the wire)' ? 'Opnum0NotUsedOnWire' : name);
    const interfaces = table.interfaces.map((one) => Object.assign({}, one, { methods: one.methods.map(short) }));
    expect(writeWellKnown({ interfaces, classes: table.classes })).toBe(TEXT);
    expect(table.interfaces.length).toBeGreaterThan(400);
    expect(new Set(table.interfaces.map((one) => one.uuid)).size).toBe(table.interfaces.length);
    for (const { uuid } of table.interfaces) expect(uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it.each([
    ['12345778-1234-abcd-ef00-0123456789ac', 'samr', 64, 'SamrConnect5'],
    ['12345778-1234-abcd-ef00-0123456789ab', 'lsarpc', 0, 'LsarClose'],
    ['367abb81-9844-35f1-ad32-98f038001003', 'svcctl', 15, 'ROpenSCManagerW'],
    ['86d35949-83c9-4044-b424-db363231fd0c', 'ITaskSchedulerService', 1, 'SchRpcRegisterTask'],
    ['9556dc99-828c-11cf-a37e-00aa003240c7', 'IWbemServices', 20, 'ExecQuery'],
    ['9556dc99-828c-11cf-a37e-00aa003240c7', 'IWbemServices', 0, 'QueryInterface'],
    ['4b324fc8-1670-01d3-1278-5a47bf6ee188', 'srvsvc', 15, 'NetrShareEnum'],
    ['ccd8c074-d0e5-4a40-92b4-d074faa6ba28', 'Witness', 0, 'WitnessrGetInterfaceList'],
  ])('names %s: %s, opnum %i, %s', (uuid, name, opnum, method) => {
    expect([table.interface(uuid)?.name, table.method(uuid, opnum)]).toEqual([name, method]);
  });

  it('has the IIDs and CLSIDs of our own tables under the same names', () => {
    for (const specification of knowledge().registry.specifications) {
      for (const one of specification.interfaces) {
        const known = table.interface(one.uuid);
        if (known !== null) expect(known.name.toLowerCase()).toBe(one.name.toLowerCase());
      }
      for (const one of specification.classes) {
        const known = table.class(one.clsid);
        if (known !== null) expect(plain(known.name)).toBe(plain(one.name));
      }
    }
  });
});

describe('the script that reads it from IDL', () => {
  const UUID = '01234567-89ab-cdef-0123-456789abcdef';

  it('takes methods in the order of their slots, and leaves out what is none', () => {
    const idl = `
      [ uuid(${UUID.toUpperCase()}), version(1.0), endpoint("ncacn_np:[\\\\pipe\\\\x]") ]
      interface sample {
        #define LONGEST (8 * 2)
        cpp_quote("#define A(x) (x)")
        typedef struct { long a; } T; // DWORD Hidden(void);
        const int K = 3;
        DWORD First([in] handle_t h, [in, size_is(LONGEST)] char *text);
        /* DWORD Gone(void); */
        [callback] DWORD Back(void);
        void Opnum1NotUsedOnWire(void);
        HRESULT
        Third(
          [out] struct { int a; } *x);
      }`;
    expect(interfacesIn('X', idl)).toEqual([
      {
        uuid: UUID,
        version: '1.0',
        name: 'sample',
        base: null,
        spec: 'X',
        methods: ['First', 'Opnum1NotUsedOnWire', 'Third'],
      },
    ]);
  });

  it('gives a local method the slot of what is called in its place, and reads several attribute lists', () => {
    const idl = `[uuid(${UUID})] [object]
      interface IDual : IUnknown {
        [local] HRESULT Next(int n);
        [call_as(Next)] HRESULT RemoteNext(int n, int *m);
        [local] HRESULT Only(void);
      };`;
    expect(interfacesIn('X', idl)[0]).toMatchObject({
      version: null,
      base: 'IUnknown',
      methods: ['RemoteNext', 'Only'],
    });
  });

  it('takes classes with their CLSID from lists and tables, and nothing from damaged text', () => {
    const text = `- CLSID_One ({${UUID}})\n| CLSID_Two {${UUID}} | words |\nCLSID_Three means ${UUID}`;
    expect(classesIn('X', text).map((one) => one.name)).toEqual(['One', 'Two']);
    const whole = `[uuid(${UUID})] interface a { void F(void); void G(`;
    for (let size = 0; size <= whole.length; size++)
      expect(interfacesIn('X', whole.slice(0, size)).length).toBeLessThan(2);
  });
});
