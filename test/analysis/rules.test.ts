import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { specifications } from '../../dissectors/index.js';
import { writeActivated, writeActivation } from '../../src/dcom/activation-properties.js';
import { RuleEngine } from '../../src/analysis/rules/engine.js';
import { Memory } from '../../src/analysis/rules/memory.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Auth, Call, Finding, TransferSyntax, Value } from '../../src/types.js';
import { ROOT, shared } from '../support/shared.js';
import { cleaned } from '../dissectors/specification.js';

const { registry, names } = knowledge();
const PROTECTED: Auth = { type: 'ntlm', level: 'integrity', verdict: 'good', contextId: 0 };

interface Told {
  readonly put?: boolean;
  readonly in?: Call['in'];
  readonly out?: Call['out'];
  readonly hresult?: number;
  readonly on?: string;
  readonly auth?: Auth;
  readonly transfer?: TransferSyntax;
  readonly iface?: string;
  readonly flow?: number;
}

/** A call as the analysis would give it: `IUpdateSearcher::Search` and what matters to rules. */
function call(member: string, told: Told = {}): Call {
  const [name = '', method = ''] = member.split('::');
  const iface = registry.interfaceByName(told.iface ?? name);
  const slot = iface?.slots.find(
    (one) => one?.method.name === method && one.method.member.startsWith('propput') === (told.put === true),
  );
  if (iface == null || slot == null) throw new Error(`${member} is in no table`);
  const object = told.on ?? 'A';
  return {
    kind: 'call',
    id: 1,
    iid: iface.interface.uuid,
    interface: iface.interface.name,
    method,
    opnum: slot.method.opnum,
    flow: told.flow ?? 1,
    server: { address: '192.0.2.9', port: 49_668 },
    object: { ipid: `ipid-${object}`, oid: `oid-${object}`, oxid: 'oxid', label: object },
    in: told.in ?? {},
    out: told.out ?? {},
    hresult: told.hresult ?? 0,
    fault: null,
    auth: told.auth ?? PROTECTED,
    requestFrames: [7],
    exchange: {
      context: {
        id: 0,
        abstract: { uuid: iface.interface.uuid, major: 0, minor: 0 },
        transfer: told.transfer ?? 'ndr20',
      },
    },
  } as unknown as Call;
}

const reference = (object: string): Value => ({
  iid: 'iid',
  ipid: `ipid-${object}`,
  oid: `oid-${object}`,
  label: object,
});
const FAILED = 0x8024_0007 | 0;

function findings(...calls: readonly Call[]): readonly Finding[] {
  const engine = new RuleEngine(registry, (value) => names.hresult(value));
  const out: Finding[] = [];
  for (const one of calls) engine.push(one, out);
  return out;
}

const rulesOf = (...calls: readonly Call[]): readonly string[] => findings(...calls).map((one) => one.rule);

const driverIids = ['b383cd1a-5ce9-4504-9f63-764b1236f191'];
const query = (hResult: number, member = 'RemQueryInterface'): Call =>
  call(`${member === 'RemQueryInterface' ? 'IRemUnknown' : 'IRemUnknown2'}::${member}`, {
    on: 'R',
    in: { ripid: 'ipid-A', iids: driverIids },
    out: member === 'RemQueryInterface' ? { ppQIResults: [{ hResult }] } : { phr: [hResult] },
  });
const search = (criteria: Value, hresult = 0): Call =>
  call('IUpdateSearcher::Search', { in: { criteria }, out: {}, hresult });
const item = (index: number, hresult = 0): Call => call('IUpdateCollection::Item', { in: { index }, hresult });
const get = (member: string, retval: Value, told: Told = {}): Call => call(member, { ...told, out: { retval } });
const date = (on: string, retval: string): Call => get('IUpdateHistoryEntry::Date', retval, { on });
const entry = (index: number, on: string): Call =>
  get('IUpdateHistoryEntryCollection::Item', reference(on), { on: 'H', in: { index } });
const history = (startIndex: number, count: number, hresult = 0): Call =>
  call('IUpdateSearcher::QueryHistory', {
    in: { startIndex, count },
    out: hresult === 0 ? { retval: reference('H') } : {},
    hresult,
  });
const info = (varInfoIdentifier: Value, retval: Value = { vt: 'VT_I4', value: 7 }): Call =>
  call('IWindowsUpdateAgentInfo::GetInfo', { in: { varInfoIdentifier }, out: { retval } });
const bstr = (value: string): Value => ({ vt: 'VT_BSTR', value });
const option = (optionName: string, optionValue: Value): Call =>
  call('IUpdateServiceManager::SetOption', { in: { optionName, optionValue } });

const put = (member: string, value: Value, told: Told = {}): Call =>
  call(member, { ...told, put: true, in: { [member.endsWith('UserLocale') ? 'lcid' : 'value']: value } });
const NOT_SUPPORTED = 0x8024_0037 | 0;
const E_FAIL = 0x8000_4005 | 0;
const SESSION = '4cb43d7f-7eee-4906-8698-60da1c38f2fe';
const EXPORTER = {
  oxid: '0x0000000000000001',
  ipidRemUnknown: '00000000-0000-0000-0000-000000000002',
  bindings: null,
  authnHint: 5,
  version: { MajorVersion: 5, MinorVersion: 7 },
};
/** An activation of a class that makes an object. */
const activation = (clsid: string, object: string): Call =>
  call('IRemoteSCMActivator::RemoteCreateInstance', {
    on: 'R',
    in: writeActivation(clsid, ['iid'], true),
    out: writeActivated(EXPORTER, [{ iid: 'iid', hresult: 0, reference: reference(object) }]),
  });
const strings = (member: string, more: Told = {}): Call => call(`IStringCollection::${member}`, more);
const readOnly = get('IStringCollection::ReadOnly', true);
const two = get('IStringCollection::Count', 2);
/** A search, its updates, and the update of an index; what is then read of it is read of U. */
const found = (criteria: Value, ...read: readonly Call[]): readonly Call[] => [
  call('IUpdateSearcher::Search', { on: 'S', in: { criteria }, out: { retval: reference('R') } }),
  get('ISearchResult::Updates', reference('C'), { on: 'R' }),
  call('IUpdateCollection::Item', { on: 'C', in: { index: 0 }, out: { retval: reference('U') } }),
  ...read,
];
const ofU = (member: string, value: Value): Call => get(member, value, { on: 'U' });
const identityOfU = (id: string): readonly Call[] => [
  ofU('IUpdate::Identity', reference('I')),
  get('IUpdateIdentity::UpdateID', id, { on: 'I' }),
];
/** The history of one update, and the identity of an entry of it. */
const historyOf = (criteria: Value, id: string): readonly Call[] => [
  call('IUpdateSession3::QueryHistory', {
    on: 'S',
    in: { criteria, startIndex: 0, count: 5 },
    out: { retval: reference('H') },
  }),
  entry(0, 'E'),
  get('IUpdateHistoryEntry::UpdateIdentity', reference('I'), { on: 'E' }),
  get('IUpdateIdentity::UpdateID', id, { on: 'I' }),
];
const searcherMade = call('IUpdateSession::CreateUpdateSearcher', { on: 'S', out: { retval: reference('A') } });
const addService = (flags: number): Call =>
  call('IUpdateServiceManager2::AddService2', { in: { serviceID: 'x', flags, authorizationCabPath: '' } });
const addScan = (flags: number): Call =>
  call('IUpdateServiceManager::AddScanPackageService', { in: { serviceName: 'x', scanFileLocation: 'y', flags } });

/** For each rule: sessions that break it, and sessions like them that do not. */
const STORIES: Readonly<
  Record<string, { readonly broken: readonly (readonly Call[])[]; readonly kept: readonly (readonly Call[])[] }>
> = {
  'auth-level': {
    broken: [[call('IUpdate::Title', { auth: { ...PROTECTED, level: 'packet' } })]],
    kept: [
      [call('IUpdate::Title', { auth: { ...PROTECTED, level: 'privacy' } })],
      [call('IUpdate::Title', { auth: { ...PROTECTED, level: 'unknown' } })],
    ],
  },
  'unknown-hresult': {
    broken: [[call('IUpdate::Title', { hresult: 0x8123_4567 | 0 })]],
    kept: [
      [call('IUpdate::Title', { hresult: FAILED })],
      [call('IUpdate::Title', { hresult: 0xa123_4567 | 0 })],
      [call('IUpdate::Title', { hresult: 0x0123_4567 })],
    ],
  },
  'not-used-on-wire': {
    broken: [
      [call('IUpdateSession::CreateUpdateDownloader')],
      [call('IUpdateSession::CreateUpdateInstaller', { iface: 'IUpdateSession3' })],
    ],
    kept: [[call('IUpdateSession::CreateUpdateSearcher')]],
  },
  'ndr-only': {
    broken: [[call('IUpdate::Title', { transfer: 'ndr64' })], [call('IRemUnknown::RemRelease', { transfer: 'ndr64' })]],
    kept: [[call('IUpdate::Title')], [call('IObjectExporter::ServerAlive2', { transfer: 'ndr64' })]],
  },
  'bad-enum': {
    broken: [
      [get('ISearchResult::ResultCode', 9)],
      [call('IUpdateSearcher::ServerSelection', { put: true, in: { value: 4 }, hresult: FAILED })],
    ],
    kept: [[get('ISearchResult::ResultCode', 'orcSucceeded')]],
  },
  'bad-boolean': { broken: [[get('IUpdateSearcher::Online', 1)]], kept: [[get('IUpdateSearcher::Online', true)]] },
  'bad-boolean-accepted': {
    broken: [[call('IUpdateSearcher::Online', { put: true, in: { value: 1 } })]],
    kept: [
      [call('IUpdateSearcher::Online', { put: true, in: { value: 1 }, hresult: FAILED })],
      [call('IUpdateSearcher::Online', { put: true, in: { value: false } })],
    ],
  },
  'criteria-grammar': {
    broken: [[search('IsInstaled=0', FAILED)]],
    kept: [[search('IsInstalled=0')], [search('')], [search(null)], [search('IsInstalled=2', FAILED)]],
  },
  'criteria-unsupported': { broken: [[search('IsInstalled=2', FAILED)]], kept: [[search('IsInstalled=1')]] },
  'criteria-accepted': {
    broken: [[search('IsInstaled=0')]],
    kept: [[search('IsInstaled=0', FAILED)], [search('IsInstalled=2')]],
  },
  escape: {
    broken: [[call('IUpdateSearcher::EscapeString', { in: { unescaped: "a'" }, out: { retval: "a''" } })]],
    kept: [[call('IUpdateSearcher::EscapeString', { in: { unescaped: "a'[" }, out: { retval: "a['][[]" } })]],
  },
  'failed-search-used': {
    broken: [[get('ISearchResult::ResultCode', 'orcFailed'), get('ISearchResult::Updates', reference('C'))]],
    kept: [
      [get('ISearchResult::ResultCode', 'orcSucceededWithErrors'), get('ISearchResult::Updates', reference('C'))],
      [get('ISearchResult::ResultCode', 'orcFailed'), get('ISearchResult::Updates', reference('C'), { on: 'B' })],
      [
        get('ISearchResult::ResultCode', 'orcFailed'),
        get('ISearchResult::ResultCode', 'orcSucceeded'),
        get('ISearchResult::Updates', reference('C')),
      ],
    ],
  },
  'history-out-of-range': {
    broken: [[history(-1, 1, FAILED)], [get('IUpdateSearcher::GetTotalHistoryCount', 3), history(3, 1, FAILED)]],
    kept: [[history(3, 1)], [get('IUpdateSearcher::GetTotalHistoryCount', 3), history(2, 1)]],
  },
  'history-accepted': {
    broken: [
      [history(-1, 1)],
      [
        call('IUpdateSession3::QueryHistory', {
          in: { criteria: null, startIndex: -1, count: 1 },
          out: { retval: reference('H') },
        }),
      ],
    ],
    kept: [[history(-1, 1, FAILED)]],
  },
  'history-count': {
    broken: [[history(0, 2), get('IUpdateHistoryEntryCollection::Count', 3, { on: 'H' })]],
    kept: [
      [history(0, 2), get('IUpdateHistoryEntryCollection::Count', 2, { on: 'H' })],
      [history(0, 2), get('IUpdateHistoryEntryCollection::Count', 3, { on: 'G' })],
    ],
  },
  'history-order': {
    broken: [
      [entry(0, 'E0'), entry(1, 'E1'), date('E0', '2026-01-01T00:00:00'), date('E1', '2026-01-02T00:00:00')],
      [entry(1, 'E1'), date('E1', '2026-01-02T00:00:00'), entry(0, 'E0'), date('E0', '2026-01-01T00:00:00')],
    ],
    kept: [
      [
        entry(0, 'E0'),
        entry(1, 'E1'),
        date('E0', '2026-01-02T00:00:00'),
        date('E1', '2026-01-01T00:00:00'),
        date('E1', '2026-01-01T00:00:00'),
        date('E0', '2026-01-02T00:00:00'),
      ],
    ],
  },
  'history-criteria': {
    broken: [
      [
        call('IUpdateSession3::QueryHistory', {
          in: { criteria: 'IsInstalled=1', startIndex: 0, count: 1 },
          out: { retval: reference('H') },
        }),
      ],
    ],
    kept: [
      [
        call('IUpdateSession3::QueryHistory', {
          in: { criteria: "UpdateID='a'", startIndex: 0, count: 1 },
          out: { retval: reference('H') },
        }),
      ],
      [
        call('IUpdateSession3::QueryHistory', {
          in: { criteria: '', startIndex: 0, count: 1 },
          out: { retval: reference('H') },
        }),
      ],
    ],
  },
  'bad-vt': {
    broken: [
      [get('IAutomaticUpdatesResults::LastSearchSuccessDate', bstr('x'))],
      [get('IUpdateService::ContentValidationCert', { vt: 'VT_UI1', value: 1 })],
      [info(bstr('apimajorversion'), bstr('7'))],
    ],
    kept: [
      [get('IAutomaticUpdatesResults::LastSearchSuccessDate', { vt: 'VT_EMPTY', value: null })],
      [
        get('IUpdateService::ContentValidationCert', {
          vt: 'VT_UI1',
          dims: [{ count: 0, lower: 0 }],
          value: new Uint8Array(),
        }),
      ],
      [info(bstr('ProductVersionString'), bstr('7'))],
    ],
  },
  'getinfo-identifier': {
    broken: [[info(bstr('Version'))], [info({ vt: 'VT_I4', value: 1 })]],
    kept: [[info(bstr('APIMAJORVERSION'))]],
  },
  'setoption-name': { broken: [[option('Allowed', bstr('x'))]], kept: [[option('AllowedServiceID', bstr('x'))]] },
  'setoption-vt': {
    broken: [[option('AllowWarningUI', { vt: 'VT_I4', value: 1 })]],
    kept: [[option('AllowWarningUI', { vt: 'VT_BOOL', value: true })]],
  },
  'category-type': { broken: [[get('ICategory::Type', 'Thing')]], kept: [[get('ICategory::Type', 'Product')]] },
  'null-result': {
    broken: [[get('IUpdate::KBArticleIDs', null)], [get('IUpdate::KBArticleIDs', null, { iface: 'IUpdate5' })]],
    kept: [[get('IUpdate::KBArticleIDs', reference('S'))], [get('IUpdate::Image', null)]],
  },
  'index-out-of-range': {
    broken: [
      [get('IUpdateCollection::Count', 2), item(2, FAILED)],
      [item(-1, FAILED)],
      [
        get('IStringCollection::Count', 2),
        call('IStringCollection::Insert', { in: { index: 3, value: 'x' }, hresult: FAILED }),
      ],
    ],
    kept: [
      [get('IUpdateCollection::Count', 2), item(1)],
      [item(2)],
      [get('IUpdateCollection::Count', 2), call('IUpdateCollection::Add'), item(2)],
      [get('IStringCollection::Count', 2), call('IStringCollection::Insert', { in: { index: 2, value: 'x' } })],
    ],
  },
  'index-accepted': {
    broken: [[get('IUpdateCollection::Count', 2), item(2)]],
    kept: [[get('IUpdateCollection::Count', 2), item(2, FAILED)]],
  },
  'read-only-changed': {
    broken: [[get('IUpdateCollection::ReadOnly', true), call('IUpdateCollection::Clear')]],
    kept: [
      [get('IUpdateCollection::ReadOnly', true), call('IUpdateCollection::Clear', { hresult: FAILED })],
      [get('IUpdateCollection::ReadOnly', false), call('IUpdateCollection::Clear')],
    ],
  },
  'eula-accepted': {
    broken: [[get('IUpdate::EulaAccepted', false), get('IUpdate::EulaText', null)]],
    kept: [
      [get('IUpdate::EulaAccepted', false), get('IUpdate::EulaText', 'terms')],
      [get('IUpdate::EulaAccepted', true), get('IUpdate::EulaText', '')],
    ],
  },
  'uninstallation-behavior': {
    broken: [[get('IUpdate::IsUninstallable', false), get('IUpdate::UninstallationBehavior', reference('U'))]],
    kept: [
      [get('IUpdate::IsUninstallable', false), get('IUpdate::UninstallationBehavior', null)],
      [get('IUpdate::IsUninstallable', true), get('IUpdate::UninstallationBehavior', reference('U'))],
    ],
  },
  'driver-interface': {
    broken: [
      [get('IUpdate::Type', 'utSoftware'), query(0)],
      [get('IUpdate::Type', 'utSoftware'), query(0, 'RemQueryInterface2')],
    ],
    kept: [
      [get('IUpdate::Type', 'utSoftware'), query(0x8000_4002)],
      [get('IUpdate::Type', 'utDriver'), query(0)],
    ],
  },
};

const FOUND_ENUM: readonly Call[] = [
  call('IUpdateSearcher::Search', { on: 'S', in: { criteria: 'IsInstalled=0' }, out: { retval: reference('R') } }),
  get('ISearchResult::Updates', reference('C'), { on: 'R' }),
  get('IUpdateCollection::_NewEnum', reference('N'), { on: 'C' }),
  call('IEnumVARIANT::Next', {
    on: 'N',
    in: { celt: 2 },
    out: {
      rgVar: [
        { vt: 'VT_DISPATCH', value: reference('V') },
        { vt: 'VT_DISPATCH', value: reference('U') },
      ],
      pCeltFetched: 2,
    },
  }),
];

/** The same of what was found, put and handed out. */
const LATER_STORIES: typeof STORIES = {
  'direct-activation': {
    broken: [
      [activation('b699e5e8-67ff-4177-88b0-3684a3388bfb', 'A')],
      [activation('f8d253d9-89a4-4daa-87b6-1168369f0b21', 'A')],
    ],
    kept: [[activation(SESSION, 'A')], [activation('c2e88c2f-6f5b-4aaa-894b-55c847ad3a2d', 'A')]],
  },
  'client-id-unset': {
    broken: [[activation(SESSION, 'A'), get('IUpdateSession::ClientApplicationID', 'x')]],
    kept: [
      [activation(SESSION, 'A'), get('IUpdateSession::ClientApplicationID', null)],
      [activation(SESSION, 'A'), get('IUpdateSession::ClientApplicationID', '')],
      [
        activation(SESSION, 'A'),
        put('IUpdateSession::ClientApplicationID', 'x'),
        get('IUpdateSession::ClientApplicationID', 'x'),
      ],
      // How it was made was not seen.
      [get('IUpdateSession::ClientApplicationID', 'x')],
      [activation(SESSION, 'B'), get('IUpdateSession::ClientApplicationID', 'x')],
    ],
  },
  'searcher-default': {
    broken: [
      [searcherMade, get('IUpdateSearcher::Online', false)],
      [searcherMade, get('IUpdateSearcher::ServerSelection', 'ssOthers')],
      [searcherMade, get('IUpdateSearcher::ServiceID', 'x')],
      [searcherMade, get('IUpdateSearcher3::SearchScope', 'searchScopeAllUsers')],
      [searcherMade, put('IUpdateSearcher::Online', false, { hresult: E_FAIL }), get('IUpdateSearcher::Online', false)],
    ],
    kept: [
      [searcherMade, get('IUpdateSearcher::Online', true), get('IUpdateSearcher::ServiceID', null)],
      [searcherMade, put('IUpdateSearcher::Online', false), get('IUpdateSearcher::Online', false)],
      [get('IUpdateSearcher::Online', false)],
      [searcherMade, get('IUpdateSearcher::ClientApplicationID', 'of its session')],
    ],
  },
  'not-kept': {
    broken: [
      [put('IUpdateSearcher::Online', false), get('IUpdateSearcher::Online', true)],
      [put('IUpdateSession2::UserLocale', 0x411), get('IUpdateSession2::UserLocale', 0x409)],
      [put('IUpdateSession::ClientApplicationID', 'a'), get('IUpdateSession::ClientApplicationID', '')],
    ],
    kept: [
      [put('IUpdateSearcher::Online', false), get('IUpdateSearcher::Online', false)],
      [put('IUpdateSearcher::ServiceID', null), get('IUpdateSearcher::ServiceID', '')],
      [put('IUpdateSearcher::Online', false, { hresult: E_FAIL }), get('IUpdateSearcher::Online', true)],
      [put('IUpdateSearcher::Online', false), get('IUpdateSearcher::Online', true, { on: 'B' })],
      [put('IUpdateSearcher::ServiceID', 'x'.repeat(5000)), get('IUpdateSearcher::ServiceID', 'y')],
    ],
  },
  'read-only-accepted': {
    broken: [
      [readOnly, strings('Add', { in: { value: 'x' } })],
      [readOnly, strings('Clear')],
      [readOnly, strings('Item', { put: true, in: { index: 0, value: 'x' } })],
    ],
    kept: [
      [readOnly, strings('Add', { in: { value: 'x' }, hresult: NOT_SUPPORTED })],
      [get('IStringCollection::ReadOnly', false), strings('Clear')],
    ],
  },
  'read-only-code': {
    broken: [[readOnly, strings('Clear', { hresult: E_FAIL })]],
    kept: [[readOnly, strings('Clear', { hresult: NOT_SUPPORTED })], [strings('Clear', { hresult: E_FAIL })]],
  },
  'index-code': {
    broken: [
      [two, strings('RemoveAt', { in: { index: 2 }, hresult: E_FAIL })],
      [two, strings('Insert', { in: { index: 3, value: 'x' }, hresult: E_FAIL })],
      [strings('Item', { put: true, in: { index: -1, value: 'x' }, hresult: E_FAIL })],
    ],
    kept: [
      [two, strings('RemoveAt', { in: { index: 2 }, hresult: FAILED })],
      [two, strings('RemoveAt', { in: { index: 1 }, hresult: E_FAIL })],
      [two, strings('Insert', { in: { index: 2, value: 'x' }, hresult: E_FAIL })],
      [two, strings('RemoveAt', { in: { index: 2 }, hresult: NOT_SUPPORTED })],
    ],
  },
  'insert-at-end': {
    broken: [[two, strings('Insert', { in: { index: 2, value: 'x' }, hresult: FAILED })]],
    kept: [
      [two, strings('Insert', { in: { index: 2, value: 'x' } })],
      [two, strings('Insert', { in: { index: 3, value: 'x' }, hresult: FAILED })],
      [two, strings('Insert', { in: { index: 2, value: 'x' }, hresult: NOT_SUPPORTED })],
      [two, strings('Clear'), strings('Insert', { in: { index: 2, value: 'x' }, hresult: FAILED })],
    ],
  },
  'found-outside-criteria': {
    broken: [
      found('IsInstalled=0', ofU('IUpdate::IsInstalled', true)),
      found("Type='Driver'", ofU('IUpdate::Type', 'utSoftware')),
      found("UpdateID='AA'", ...identityOfU('bb')),
      found("UpdateID!='aa'", ...identityOfU('AA')),
      // Each alternative is broken by something that was read.
      found(
        "(IsInstalled=0 and IsHidden=1) or Type='Driver'",
        ofU('IUpdate::IsHidden', false),
        ofU('IUpdate::Type', 'utSoftware'),
      ),
      [...FOUND_ENUM, ofU('IUpdate::IsInstalled', true)],
    ],
    kept: [
      found('IsInstalled=0', ofU('IUpdate::IsInstalled', false)),
      found("UpdateID='AA'", ...identityOfU('aa')),
      found('IsInstalled=0 or IsHidden=1', ofU('IUpdate::IsInstalled', true)),
      found("Type='driver'", ofU('IUpdate::Type', 'utDriver')),
      found("DeploymentAction='Uninstallation'", ofU('IUpdate::DeploymentAction', 'daNone')),
      found('', ofU('IUpdate::IsInstalled', true)),
      found('IsInstaled=0', ofU('IUpdate::IsInstalled', true)),
      // Another update, and one that the client put into the collection.
      found('IsInstalled=0', get('IUpdate::IsInstalled', true, { on: 'W' })),
      [
        ...found('IsInstalled=0').slice(0, 2),
        call('IUpdateCollection::Add', { on: 'C', in: { value: reference('U') } }),
        call('IUpdateCollection::Item', { on: 'C', in: { index: 0 }, out: { retval: reference('U') } }),
        ofU('IUpdate::IsInstalled', true),
      ],
      [...FOUND_ENUM, ofU('IUpdate::IsInstalled', false)],
    ],
  },
  'found-action': {
    broken: [found('IsInstalled=0', ofU('IUpdate::DeploymentAction', 'daUninstallation'))],
    kept: [
      found('IsInstalled=0', ofU('IUpdate::DeploymentAction', 'daInstallation')),
      found('IsInstalled=0', ofU('IUpdate::DeploymentAction', 'daNone')),
      found("DeploymentAction='Uninstallation'", ofU('IUpdate::DeploymentAction', 'daUninstallation')),
      // Without criteria the agent chooses its own.
      found(null, ofU('IUpdate::DeploymentAction', 'daUninstallation')),
    ],
  },
  'history-of-other': {
    broken: [historyOf("UpdateID='aa'", 'bb')],
    kept: [historyOf("UpdateID='aa'", 'AA'), historyOf('', 'bb')],
  },
  'unknown-flags': { broken: [[addService(8)], [addScan(2)]], kept: [[addService(7)], [addService(0)], [addScan(1)]] },
  'out-of-range': {
    broken: [[history(0, -1, E_FAIL)], [put('IUpdateSession2::UserLocale', 0, { hresult: E_FAIL })]],
    kept: [[history(0, 0)], [put('IUpdateSession2::UserLocale', 0x411)]],
  },
  'msrc-severity': {
    broken: [[get('IUpdate::MsrcSeverity', 'Grave')]],
    kept: [
      [get('IUpdate::MsrcSeverity', 'Critical')],
      [get('IUpdate::MsrcSeverity', null)],
      [get('IUpdate::MsrcSeverity', '')],
    ],
  },
  'service-id-form': {
    broken: [[get('IUpdateHistoryEntry::ServiceID', 'Windows Update')]],
    kept: [
      [get('IUpdateHistoryEntry::ServiceID', '9482F4B4-E343-43B6-B170-9A65BC822C77')],
      [get('IUpdateHistoryEntry::ServiceID', null)],
    ],
  },
};

const ALL_STORIES = { ...STORIES, ...LATER_STORIES };

/** What stands in every section: docs/rules.md has it once. */
const EVERYWHERE =
  /MUST return information|MUST indicate to the RPC runtime that it is to perform a strict NDR|MUST NOT throw exceptions/g;
const OTHER_MUST = /MUST/;

describe('rules', () => {
  it.each(Object.entries(ALL_STORIES))('%s: told where broken, silent where kept', (rule, { broken, kept }) => {
    for (const calls of broken) expect(rulesOf(...calls)).toContain(rule);
    for (const calls of kept) expect(rulesOf(...calls)).not.toContain(rule);
  });

  const all = specifications.flatMap(({ rules = [] }) => rules);

  it('are all tried here, and told in docs/rules.md', () => {
    expect(Object.keys(ALL_STORIES).toSorted()).toEqual([...new Set(all.map((rule) => rule.name))].toSorted());
    const text = readFileSync(join(ROOT, 'docs/rules.md'), 'utf8');
    expect(all.map((rule) => rule.name).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  it('name methods that exist', () => {
    const known = new Set(
      registry.interfaces.flatMap(({ slots }) =>
        slots.flatMap((slot) => (slot === null ? [] : [`${slot.owner.name}::${slot.method.name}`])),
      ),
    );
    const named = all.flatMap(({ on, check }) => [
      ...on,
      ...('learns' in check ? [check.learns] : []),
      ...('counts' in check ? [check.counts, ...check.changes] : []),
      ...('items' in check ? [check.items] : []),
      ...('makes' in check ? [check.makes].flat() : []),
      ...('put' in check ? [check.put] : []),
      ...('lineage' in check ? [check.lineage.from, ...check.lineage.by, ...check.lineage.changes] : []),
      ...('properties' in check ? Object.keys(check.properties) : []),
    ]);
    expect(
      named
        .map((name) => name.replace(/^(put|get) /, ''))
        .filter((name) => name !== '*' && name !== '**' && name !== '' && !known.has(name)),
    ).toEqual([]);
  });

  it('fill in every word of their messages, and say where and by which section', () => {
    const told = Object.values(ALL_STORIES).flatMap(({ broken }) => broken.flatMap((calls) => findings(...calls)));
    expect(told.filter((one) => /\{\w+\}|undefined/.test(one.message))).toEqual([]);
    expect(findings(search('(IsInstalled=0', FAILED))).toEqual([
      {
        kind: 'finding',
        rule: 'criteria-grammar',
        severity: 'warning',
        spec: '[MS-UAMG] 3.38.4.11',
        call: 1,
        object: 'A',
        frames: [7],
        message:
          'the criteria "(IsInstalled=0" break the grammar in column 15: a closing parenthesis is missing for the one in column 1',
      },
    ]);
  });

  it('tell what concerns a connection once', () => {
    const open = (flow: number): Call => call('IUpdate::Title', { auth: { ...PROTECTED, level: 'none' }, flow });
    expect(rulesOf(open(1), open(1), open(2), open(1))).toEqual(['auth-level', 'auth-level']);
  });

  it('look for calls without interface or in no table nowhere', () => {
    expect(
      findings(
        { ...call('IUpdate::Title'), iid: null },
        { ...call('IUpdate::Title'), opnum: 60_000 },
        { ...call('IUpdate::Title'), iid: 'ffffffff-0000-0000-0000-000000000000' },
      ),
    ).toEqual([]);
  });

  it('remember a bounded number of facts, and forget the oldest', () => {
    const memory = new Memory(3);
    memory.set('a', 'one', 1);
    memory.set('a', 'two', 2);
    memory.set('b', 'one', 3);
    memory.set('a', 'two', 4);
    expect([memory.size, memory.get('a', 'two')]).toEqual([3, 4]);
    memory.forget('b', 'one');
    memory.forget('b', 'one');
    memory.set('c', 'one', 5);
    expect(memory.size).toBe(3);
    memory.set('d', 'one', 6);
    expect([memory.size, memory.get('a', 'one'), memory.get('c', 'one'), memory.get('d', 'one')]).toEqual([
      2,
      undefined,
      5,
      6,
    ]);
  });

  it('remember nothing of those of whom everything was forgotten', () => {
    const memory = new Memory(3);
    for (let i = 0; i < 100; i++) {
      memory.set(`object ${i}`, 'one', i);
      memory.set(`object ${i}`, 'two', i);
      memory.forget(`object ${i}`, 'one');
      memory.forget(`object ${i}`, 'two');
    }
    expect([memory.size, memory.owned]).toEqual([0, 0]);
    for (let i = 0; i < 100; i++) memory.set(`object ${i}`, 'one', i);
    expect([memory.size, memory.owned, memory.get('object 96', 'one'), memory.get('object 97', 'one')]).toEqual([
      3,
      3,
      undefined,
      97,
    ]);
  });

  it('account for every section of chapters 2 and 3 with a MUST', () => {
    const path = shared('spec/MS-UAMG.md', 'the list of MUSTs');
    if (path === null) return;
    const text = cleaned(readFileSync(path, 'utf8'));
    const chapters = text.slice(text.indexOf('# 2 Messages'), text.indexOf('# 4 Protocol Example'));
    const due = chapters
      .split(/^(?=#+ [\d.]+ )/m)
      .flatMap((part) => (OTHER_MUST.test(part.replace(EVERYWHERE, '')) ? [/^#+ ([\d.]+) /.exec(part)?.[1] ?? ''] : []))
      .filter((section) => section !== '');
    const doc = readFileSync(join(ROOT, 'docs/rules.md'), 'utf8');
    const listed = new Set(doc.match(/\b[23](?:\.\d+)+\b/g));
    expect(due.length).toBeGreaterThan(100);
    expect(due.filter((section) => !listed.has(section))).toEqual([]);
  });

  it('account for every sentence of chapters 2 and 3 with a SHOULD', () => {
    const path = shared('spec/MS-UAMG.md', 'the list of SHOULDs');
    if (path === null) return;
    const text = cleaned(readFileSync(path, 'utf8'));
    const chapters = text.slice(text.indexOf('# 2 Messages'), text.indexOf('# 4 Protocol Example'));
    const due = chapters.split(/^(?=#+ [\d.]+ )/m).flatMap((part) => {
      const sentences = part.split(/(?<=[.:|])\s+|\n/).filter((one) => one.includes('SHOULD'));
      return sentences.length === 0
        ? []
        : [{ section: /^#+ ([\d.]+) /.exec(part)?.[1] ?? '', sentences: sentences.length }];
    });
    const doc = readFileSync(join(ROOT, 'docs/rules.md'), 'utf8');
    const list = doc.slice(doc.indexOf('## Every SHOULD'));
    const listed = new Set(list.match(/\b[23](?:\.\d+)+\b/g));
    expect(list).toContain(
      `${due.reduce((sum, one) => sum + one.sentences, 0)} sentences with a SHOULD, in ${due.length} sections`,
    );
    expect(due.filter(({ section }) => !listed.has(section))).toEqual([]);
    expect([...listed].filter((section) => !due.some((one) => one.section === section))).toEqual([]);
  });
});
