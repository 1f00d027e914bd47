import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { uamg } from '../../dissectors/uamg/index.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Interface, Method, Type } from '../../src/ndr/types.js';
import { shared } from '../support/shared.js';
import {
  assignments,
  cleaned,
  describedEnums,
  idlEnums,
  idlInterfaces,
  methodSections,
  overviews,
  type SpecParameter,
} from './specification.js';

const specPath = shared('spec/MS-UAMG.md', 'tables against the specification');
const dataPath = shared('reference/wua-interfaces.json', 'tables against the interface data');

interface DataMethod {
  readonly opnum: number;
  readonly name: string;
  readonly kind: string;
  readonly dispid: number | null;
  readonly printedOpnum?: number | null;
  readonly section?: string | null;
  readonly notUsedOnWire?: boolean;
  readonly params?: readonly { readonly name: string; readonly dir: readonly string[]; readonly type: string }[];
}
interface Data {
  readonly clsids: readonly (readonly [string, string])[];
  readonly interfaces: readonly {
    readonly name: string;
    readonly iid: string;
    readonly base: string;
    readonly inSpec: boolean;
    readonly methods: readonly DataMethod[];
  }[];
}

const inSpec = uamg.interfaces.filter((iface) => iface.spec === 'MS-UAMG');

/** A parameter's type as the IDL writes it, without the pointer of an output. */
function idlType(type: Type): string {
  switch (type.kind) {
    case 'well-known':
      return (
        { bstr: 'BSTR', variant_bool: 'VARIANT_BOOL', date: 'DATE', decimal: 'DECIMAL' }[type.name as string] ??
        type.name
      );
    case 'base':
      return type.alias ?? (type.base === 'i32' ? 'LONG' : type.base);
    case 'interface':
      return `${type.interface ?? '?'}*`;
    case 'enum':
    case 'named':
      return type.name;
    default:
      return type.kind;
  }
}

function key(method: { readonly opnum: number; readonly name: string }, iface: string): string {
  return `${iface}::${method.name} (${method.opnum})`;
}

describe('the table of MS-UAMG', () => {
  it('has 44 interfaces, 213 methods and 20 slots that are not for the wire', () => {
    const methods = inSpec.flatMap((iface) => iface.methods);
    expect(inSpec.length).toBe(44);
    expect(methods.filter((method) => method.notUsedOnWire !== true).length).toBe(213);
    expect(methods.filter((method) => method.notUsedOnWire === true).length).toBe(20);
    expect(uamg.interfaces.filter((iface) => iface.spec === 'SDK').length).toBe(34);
  });

  it('compiles every method for both byte orders and both syntaxes', () => {
    const { registry } = knowledge();
    for (const iface of inSpec) {
      for (const method of iface.methods) {
        for (const littleEndian of [true, false]) {
          for (const syntax of ['ndr20', 'ndr64'] as const) {
            const codec = registry.method(iface.uuid, method.opnum, { littleEndian, syntax });
            expect(codec === null, key(method, iface.name)).toBe(method.notUsedOnWire === true);
          }
        }
      }
    }
  });

  it.skipIf(dataPath === null)('equals the data gathered from SDK vtables', () => {
    const data = JSON.parse(readFileSync(dataPath ?? '', 'utf8')) as Data;
    expect(uamg.interfaces.map((iface) => iface.name).toSorted()).toEqual(
      data.interfaces.map((iface) => iface.name).toSorted(),
    );
    expect(uamg.classes.map((known) => [known.clsid, known.name]).toSorted()).toEqual(
      data.clsids.map(([clsid, name]) => [clsid.toLowerCase(), name]).toSorted(),
    );
    for (const wanted of data.interfaces) {
      const iface = uamg.interfaces.find((candidate) => candidate.name === wanted.name) as Interface;
      expect([iface.uuid, iface.base]).toEqual([wanted.iid.toLowerCase(), wanted.base]);
      expect(iface.methods.length, wanted.name).toBe(wanted.methods.length);
      for (const [i, row] of wanted.methods.entries()) {
        const method = iface.methods[i] as Method;
        const label = key(row, wanted.name);
        expect([method.opnum, method.name, method.member, method.dispid, method.notUsedOnWire === true], label).toEqual(
          [row.opnum, row.name, row.kind, row.dispid, row.notUsedOnWire === true],
        );
        if (!wanted.inSpec || row.notUsedOnWire === true) continue;
        expect([method.printedOpnum, method.section], label).toEqual([row.printedOpnum, row.section]);
        const shown = (method.params ?? []).map((param) => [
          param.name,
          param.direction,
          param.retval === true,
          idlType(param.type),
        ]);
        const due = (row.params ?? []).map((param) => {
          const isOut = param.dir.includes('out');
          return [
            param.name,
            isOut ? 'out' : 'in',
            param.dir.includes('retval'),
            isOut ? param.type.slice(0, -1) : param.type,
          ];
        });
        expect(shown, label).toEqual(due);
      }
    }
  });

  it.skipIf(specPath === null)(
    'has the interfaces of the IDL in section 6: IIDs, bases, members in their order, DISPIDs, parameters',
    () => {
      const idl = idlInterfaces(spec());
      expect(idl.map((iface) => iface.name).toSorted()).toEqual(inSpec.map((iface) => iface.name).toSorted());
      for (const wanted of idl) {
        const iface = inSpec.find((candidate) => candidate.name === wanted.name) as Interface;
        expect([iface.uuid, iface.base], wanted.name).toEqual([wanted.uuid, wanted.base]);
        const ours = iface.methods.map((method) =>
          method.notUsedOnWire === true
            ? { name: `Opnum${method.printedOpnum}NotUsedOnWire`, kind: 'method', dispid: null, params: [] }
            : { name: method.name, kind: method.member, dispid: method.dispid, params: shown(method) },
        );
        expect(ours, wanted.name).toEqual(
          wanted.members.map((member) => ({ ...member, params: member.params.map(withoutStar) })),
        );
      }
    },
  );

  it.skipIf(specPath === null)('counts slots without a hole, from 7 in what derives from IDispatch', () => {
    for (const iface of inSpec) {
      const base = inSpec.find((candidate) => candidate.name === iface.base);
      const first = base === undefined ? 7 : lastSlot(base) + 1;
      expect(iface.base === 'IDispatch' || base !== undefined, iface.name).toBe(true);
      expect(
        iface.methods.map((method) => method.opnum),
        iface.name,
      ).toEqual(iface.methods.map((_, i) => first + i));
    }
  });

  it.skipIf(specPath === null)('has the sections, with the numbers, names and signatures that they print', () => {
    const found = methodSections(spec());
    expect(found.length).toBe(213);
    const differences: string[] = [];
    for (const one of found) {
      const method = inSpec
        .find((iface) => iface.name === one.interface)
        ?.methods.find((candidate) => candidate.section === one.section);
      const label = `${one.section} ${one.interface}::${one.name}`;
      if (method === undefined) {
        differences.push(`${label}: no such method`);
        continue;
      }
      expect([method.name, method.printedOpnum], label).toEqual([one.name, one.opnum]);
      if (one.saidOpnum !== null && one.saidOpnum !== one.opnum)
        differences.push(`${label}: the text says opnum ${one.saidOpnum}`);
      if (one.saidName !== null && one.saidName !== one.name)
        differences.push(`${label}: the text says ${one.saidName}`);
      const printed = JSON.stringify(one.params.map(withoutStar));
      if (printed !== JSON.stringify(shown(method))) differences.push(`${label}: the signature is ${printed}`);
    }
    expect(differences).toEqual([
      '3.4.4.1 IAutomaticUpdates::DetectNow: the text says DectectNow',
      '3.24.5.1 IUpdateDownloadContent2::IsDeltaCompressedContent: the signature is [{"name":"retval","type":"VARIANT _BOOL","direction":"out","retval":true,"optional":false}]',
    ]);
  });

  it.skipIf(specPath === null)('has the numbers of the overviews, but for their misprints', () => {
    const rows = overviews(spec());
    const due = inSpec.flatMap((iface) =>
      iface.methods.map(
        (method) =>
          `${method.notUsedOnWire === true ? `Opnum${method.printedOpnum}NotUsedOnWire` : method.name} ${method.printedOpnum}`,
      ),
    );
    expect(rows.length).toBe(due.length);
    const printed = rows.map((row) => `${row.name} ${row.opnum}`);
    expect(missing(printed, due)).toEqual([
      'ExpirationDate 9',
      'Opnum 12NotUsedOnWire 12',
      'Opnum 13NotUsedOnWire 14',
      'Opnum 14NotUsedOnWire 15',
      'UninstallationSteps 18',
    ]);
    expect(missing(due, printed)).toEqual([
      'ExpirationDate 10',
      'Opnum12NotUsedOnWire 12',
      'Opnum14NotUsedOnWire 14',
      'Opnum15NotUsedOnWire 15',
      'UninstallationSteps 19',
    ]);
  });

  it('has printed numbers one above the wire, and in IUpdateSession2 and 3 one below', () => {
    for (const iface of inSpec) {
      const apart = /^IUpdateSession[23]$/.test(iface.name) ? -1 : 1;
      expect(
        iface.methods.filter((method) => method.printedOpnum - method.opnum !== apart).map((method) => method.name),
        iface.name,
      ).toEqual([]);
    }
  });

  it.skipIf(specPath === null)('has the identifiers of section 1.9, but for one', () => {
    const wrong = [...assignments(spec(), 'IID')].filter(
      ([name, iid]) => uamg.interfaces.find((iface) => iface.name === name)?.uuid !== iid,
    );
    expect(wrong).toEqual([['IUpdateExceptionCollection', 'a37d00f5-7bb0-4953-b414-f9e98326f2e8']]);
    expect(uamg.interfaces.find((iface) => iface.uuid === 'a37d00f5-7bb0-4953-b414-f9e98326f2e8')?.name).toBe(
      'IInvalidProductLicenseException',
    );
    const listed = assignments(spec(), 'IID');
    expect(inSpec.filter((iface) => !listed.has(iface.name)).map((iface) => iface.name)).toEqual([]);
    expect(
      uamg.interfaces.filter((iface) => iface.spec === 'SDK' && listed.has(iface.name)).map((iface) => iface.name),
    ).toEqual(['IAutomaticUpdatesSettings', 'IAutomaticUpdatesSettings2', 'IAutomaticUpdatesSettings3']);
    expect([...assignments(spec(), 'CLSID')].toSorted()).toEqual(
      uamg.classes
        .filter((known) => known.spec === 'MS-UAMG')
        .map((known) => [known.name, known.clsid])
        .toSorted(),
    );
  });

  it.skipIf(specPath === null)('has every enumeration with its section, values and size', () => {
    const enums = uamg.types.filter((type) => type.kind === 'enum');
    expect(Object.fromEntries(enums.map((type) => [type.section, { name: type.name, members: type.members }]))).toEqual(
      Object.fromEntries(describedEnums(spec())),
    );
    expect(enums.map((type) => ({ name: type.name, isV1: type.wire === 'v1_enum', members: type.members }))).toEqual(
      idlEnums(spec()),
    );
  });

  it('says why, wherever it differs from the specification', () => {
    const told = uamg.interfaces.flatMap((iface) => [
      ...(iface.erratum === undefined ? [] : [iface.name]),
      ...iface.methods
        .filter((method) => method.erratum !== undefined)
        .map((method) => `${iface.name}::${method.name}`),
    ]);
    expect(told.toSorted()).toEqual([
      'IAutomaticUpdates::DetectNow',
      'IAutomaticUpdatesSettings',
      'IAutomaticUpdatesSettings2',
      'IAutomaticUpdatesSettings3',
      'IInvalidProductLicenseException',
      'IUpdateDownloadContent2::IsDeltaCompressedContent',
      'IUpdateExceptionCollection',
      'IUpdateHistoryEntry::UninstallationSteps',
      'IUpdateService::ExpirationDate',
      'IUpdateSession2',
      'IUpdateSession3',
      'IUpdateSession::CreateUpdateDownloader',
      'IUpdateSession::CreateUpdateInstaller',
    ]);
  });

  it('gives every class a default interface that is known', () => {
    for (const known of uamg.classes)
      expect(
        uamg.interfaces.some((iface) => iface.name === known.interface),
        known.name,
      ).toBe(true);
  });
});

function spec(): string {
  return cleaned(readFileSync(specPath ?? '', 'utf8'));
}

/** Parameters of a method as the specification writes them, without the star of an output. */
function shown(method: Method): readonly SpecParameter[] {
  return (method.params ?? []).map((param) => ({
    name: param.name,
    type: idlType(param.type),
    direction: param.direction === 'in' ? 'in' : 'out',
    retval: param.retval === true,
    optional: param.optional === true,
  }));
}

function withoutStar(param: SpecParameter): SpecParameter {
  return param.direction === 'out' ? { ...param, type: param.type.replace(/\*$/, '') } : param;
}

function lastSlot(iface: Interface): number {
  return Math.max(...iface.methods.map((method) => method.opnum));
}

/** What of `all` is left when each of `others` has taken one of its like away. */
function missing(all: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...others];
  return all
    .filter((one) => {
      const at = left.indexOf(one);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    })
    .toSorted();
}
