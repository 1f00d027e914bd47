import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindErrors, specifications, win32Errors } from '../../dissectors/index.js';
import { Explainer, explanationLines, type Explanation } from '../../src/analysis/explain.js';
import { hresultParts, looksLikeNtstatus } from '../../src/analysis/hresult.js';
import { knowledge } from '../../src/io/knowledge.js';

const explainer = new Explainer(specifications, win32Errors, bindErrors);

function codes(text: string): readonly (string | null)[] {
  return explainer
    .explain(text)
    .map((found) => (found.kind === 'code' || found.kind === 'reason' ? found.name : found.kind));
}

function only(text: string): Explanation {
  const found = explainer.explain(text);
  expect(found.length, text).toBe(1);
  return found[0] as Explanation;
}

describe('explain: codes', () => {
  it.each([
    ['0x80240007', 'WU_E_INVALIDINDEX'],
    ['0X80240007', 'WU_E_INVALIDINDEX'],
    ['80240007', 'WU_E_INVALIDINDEX'],
    ['0x80240007L', 'WU_E_INVALIDINDEX'],
    ['-2145124345', 'WU_E_INVALIDINDEX'],
    ['2149842951', 'WU_E_INVALIDINDEX'],
    [' wu_e_invalidindex ', 'WU_E_INVALIDINDEX'],
    ['0x8024402c', 'WU_E_PT_WINHTTP_NAME_NOT_RESOLVED'],
    ['0x80070005', 'E_ACCESSDENIED'],
    ['0x800706ba', 'HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE)'],
    ['0x80072ee2', 'HRESULT_FROM_WIN32(ERROR_INTERNET_TIMEOUT)'],
    ['0x80070422', 'HRESULT_FROM_WIN32(ERROR_SERVICE_DISABLED)'],
    ['HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED)', 'E_ACCESSDENIED'],
    ['hresult_from_win32(RPC_S_SERVER_UNAVAILABLE)', 'HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE)'],
    ['0xd0000022', 'HRESULT_FROM_NT(STATUS_ACCESS_DENIED)'],
    ['0xc0000022', 'STATUS_ACCESS_DENIED'],
    ['HRESULT_FROM_NT(STATUS_ACCESS_DENIED)', 'HRESULT_FROM_NT(STATUS_ACCESS_DENIED)'],
    ['5', 'ERROR_ACCESS_DENIED'],
    ['1722', 'RPC_S_SERVER_UNAVAILABLE'],
    ['0x6d1', 'RPC_S_PROCNUM_OUT_OF_RANGE'],
    ['0x1c010002', 'nca_s_op_rng_error'],
    ['nca_op_rng_error', 'nca_s_op_rng_error'],
    ['nca_s_op_rng_error', 'nca_s_op_rng_error'],
    ['0x80010108', 'RPC_E_DISCONNECTED'],
    ['ABSTRACT_SYNTAX_NOT_SUPPORTED', 'abstract_syntax_not_supported'],
    ['CONNECT_E_ADVISELIMIT', 'CONNECT_E_ADVISELIMIT'],
  ])('%s is %s', (text, name) => {
    expect(codes(text)).toEqual([name]);
  });

  it('tells an HRESULT from the Win32 code of the same number', () => {
    expect(codes('0')).toEqual(['S_OK', 'ERROR_SUCCESS']);
    expect(codes('1')).toEqual(['S_FALSE', 'ERROR_INVALID_FUNCTION']);
    expect(only('ERROR_INVALID_FUNCTION')).toMatchObject({
      value: 1,
      hresult: null,
      meaning: 'the function is not valid here',
    });
  });

  it('takes apart what has no name', () => {
    expect(only('0x80241234')).toMatchObject({
      name: null,
      hresult: { failure: true, customer: false, facility: 'FACILITY_WINDOWSUPDATE', code: 0x1234 },
      wraps: null,
    });
    expect(only('0xa0040001')).toMatchObject({
      name: null,
      hresult: { failure: true, customer: true, facility: 'FACILITY_ITF', code: 1 },
    });
    expect(only('0x8007fffe')).toMatchObject({ name: null, wraps: { value: 0xfffe, name: null } });
    expect(only('0xc0fe0022')).toMatchObject({ name: null, hresult: null });
    expect(only('0x1c0100ff')).toMatchObject({ name: null, hresult: null });
  });

  it('keeps the cause of a Win32 code inside an HRESULT', () => {
    const found = only('0x80070422');
    expect(found).toMatchObject({ wraps: { value: 1058, name: 'ERROR_SERVICE_DISABLED' } });
    expect(explanationLines(found).join('\n')).toMatch(/wuauserv/);
  });

  it('names the other names of a value', () => {
    expect(only('0x80040201')).toMatchObject({
      name: 'EVENT_E_ALL_SUBSCRIBERS_FAILED',
      aliases: ['CONNECT_E_ADVISELIMIT'],
    });
    expect(only('CONNECT_E_ADVISELIMIT')).toMatchObject({ aliases: ['EVENT_E_ALL_SUBSCRIBERS_FAILED'] });
  });

  it.each([
    '',
    '0x',
    '0x123456789',
    '99999999999',
    '-2147483649',
    'nothing',
    '{}',
    '0xzz',
    '--1',
    '__proto__',
    'constructor',
  ])('knows nothing of %j', (text) => {
    expect(explainer.explain(text)).toEqual([]);
  });
});

describe('explain: identifiers', () => {
  it('finds interfaces and classes by GUID and by name', () => {
    expect(only('{8F45ABF1-F9AE-4B95-A933-F0F66E5056EA}')).toMatchObject({
      kind: 'interface',
      name: 'IUpdateSearcher',
      section: '3.38',
      base: 'IDispatch',
    });
    expect(only('iid_iupdatesearcher')).toMatchObject({
      kind: 'interface',
      uuid: '8f45abf1-f9ae-4b95-a933-f0f66e5056ea',
    });
    expect(only('4cb43d7f-7eee-4906-8698-60da1c38f2fe')).toMatchObject({
      kind: 'class',
      name: 'UpdateSession',
      interface: 'IUpdateSession3',
    });
    expect(explanationLines(only('a37d00f5-7bb0-4953-b414-f9e98326f2e8'))[0]).toMatch(
      /IInvalidProductLicenseException/,
    );
  });

  it('says of a DISPID that it means something only within an interface', () => {
    const found = only('0x6002000c');
    expect(found.kind === 'dispid' && found.members).toContain('IUpdateSearcher::Search');
    expect(only('-4')).toMatchObject({ kind: 'dispid', name: 'DISPID_NEWENUM' });
    expect(explanationLines(found).join('\n')).toMatch(/only within an interface/);
  });
});

describe('suggestions', () => {
  it.each([
    ['503626a3-8e14-4729-9355-0fe664bd2322', '503626a3-8e14-4729-9355-0fe664bd2321 (IUpdateExceptionCollection)'],
    ['0x802400007', '0x80240007 (WU_E_INVALIDINDEX)'],
    ['0x8024000G', '0x80240001 (WU_E_NO_SERVICE)'],
    ['PROCNUM_OUT', 'RPC_S_PROCNUM_OUT_OF_RANGE'],
  ])('%s: %s', (text, near) => {
    expect(explainer.suggestions(text)).toContain(near);
  });

  it('has none for what is unlike everything, or too long', () => {
    expect(explainer.suggestions('zzzz')).toEqual([]);
    expect(explainer.suggestions('0'.repeat(10_000))).toEqual([]);
  });
});

describe('names of results', () => {
  it('agree with what explain says', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.nat({ max: 0xffff_ffff }),
          fc.constantFrom(...specifications.flatMap((one) => one.errors).map((error) => error.value)),
        ),
        (value) => {
          const found = explainer.explain(`0x${value.toString(16)}`).filter((one) => one.kind === 'code');
          const names = found.map((one) => one.name);
          for (const name of [explainer.hresult(value), explainer.status(value)])
            if (name !== null) expect(names).toContain(name);
          expect(explainer.hresult(value | 0)).toBe(explainer.hresult(value));
        },
      ),
    );
  });

  it('explain anything without an exception', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const found of explainer.explain(text))
          expect(explanationLines(found).every((line) => !line.includes('\n'))).toBe(true);
        expect(explainer.suggestions(text).length).toBeLessThanOrEqual(5);
      }),
    );
  });

  it('take bits apart as [MS-ERREF] 2.1 lays them out', () => {
    expect(hresultParts(0xd0000022)).toEqual({
      failure: true,
      customer: false,
      ntstatus: true,
      facility: 'FACILITY_NULL',
      code: 0x22,
    });
    expect(hresultParts(0x00240005)).toMatchObject({ failure: false, facility: 'FACILITY_WINDOWSUPDATE' });
    expect([0xc0000022, 0x40000000, 0xd0000022, 0x80070005, 0].map(looksLikeNtstatus)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('explain: members, values, and what is well known', () => {
  const known = knowledge();
  const lines = (text: string): string => (known.explain(text) ?? []).join('\n');

  it('knows members with section, numbers and parameters', () => {
    expect(lines('IUpdateSearcher::Search')).toBe(
      [
        'IUpdateSearcher::Search',
        '  method of [MS-UAMG] 3.38.4.11, opnum 19 (printed as 20), DISPID 0x6002000c',
        '  parameters: in criteria, out retval',
      ].join('\n'),
    );
    expect(lines('IUpdate.Title')).toContain('propget of [MS-UAMG]');
  });

  it('says of every member that is kept off the wire what it is for and what a remote caller gets', () => {
    for (const specification of specifications.filter((one) => one.name === 'MS-UAMG')) {
      for (const one of specification.interfaces) {
        for (const method of one.methods.filter((each) => each.notUsedOnWire === true)) {
          const text = lines(`${one.name}::${method.name}`);
          expect(text, `${one.name}::${method.name}`).toMatch(/on its own machine it .*; returns /);
          expect(text).toContain('a remote caller gets a fault or E_NOTIMPL');
        }
      }
    }
  });

  it('knows values of enumerations', () => {
    expect(lines('orcSucceeded')).toBe('orcSucceeded = 2\n  value of OperationResultCode, [MS-UAMG]');
  });

  it('knows ProgIDs, and classes and interfaces that no table decodes', () => {
    expect(lines('Microsoft.Update.Session')).toContain('{4cb43d7f-7eee-4906-8698-60da1c38f2fe}');
    expect(lines('4cb43d7f-7eee-4906-8698-60da1c38f2fe')).toContain('ProgID Microsoft.Update.Session');
    expect(lines('MMC20.Application.1')).toContain('CLSID_MMC20.Application');
    expect(lines('mmc20.application')).toContain('CLSID_MMC20.Application');
    expect(lines('svcctl')).toContain('15 ROpenSCManagerW');
    expect(lines('12345778-1234-ABCD-EF00-0123456789AC')).toContain('samr {12345778-');
    expect(lines('no.such.thing')).toBe('');
  });

  it.each([
    ['0x80200010', 'BG_E_NETWORK_DISCONNECTED'],
    ['0x80200013', 'BG_E_INSUFFICIENT_RANGE_SUPPORT'],
    ['0x80d02002', 'DO_E_DOWNLOAD_NO_PROGRESS'],
    ['0x80d05001', 'DO_E_HTTP_BLOCKSIZE_MISMATCH'],
    ['0xc1900101', 'MOSETUP_E_SETUP_PLATFORM'],
    ['0x80131500', 'COR_E_EXCEPTION'],
  ])('names %s %s, with what to do', (code, name) => {
    expect(lines(code)).toMatch(new RegExp(`^${code} ${name} .*\\n  meaning: .*\\n  what to do: `));
  });
});

describe('flags of a parameter', () => {
  const { names } = knowledge();
  const flags = (value: number): string | null =>
    names.flags?.('IUpdateServiceManager2::AddService2.flags', value) ?? null;

  it('are spelled where all bits have a name, and stay a number elsewhere', () => {
    expect(flags(7)).toBe('asfAllowPendingRegistration|asfAllowOnlineRegistration|asfRegisterServiceWithAU');
    expect(flags(1)).toBe('asfAllowPendingRegistration');
    expect([flags(0), flags(8), flags(9), flags(-1)]).toEqual([null, null, null, null]);
    expect(names.flags?.('IUpdateSearcher::Search.criteria', 1) ?? null).toBeNull();
    for (const owner of ['IUpdateServiceManager', 'IUpdateServiceManager2'])
      expect(names.flags?.(`${owner}::AddScanPackageService.flags`, 1)).toBe('usoNonVolatileService');
  });
});
