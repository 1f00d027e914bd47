import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { uamg } from '../../dissectors/uamg/index.js';
import { knowledge } from '../../src/io/knowledge.js';
import type { Interface, Method, Type } from '../../src/ndr/types.js';
import { shared } from '../support/shared.js';

const specPath = shared('spec/MS-UAMG.md', 'tables against the specification');
const dataPath = shared('reference/wua-interfaces.json', 'tables against the interface data');

interface DataMethod {
  readonly opnum: number; readonly name: string; readonly kind: string; readonly dispid: number | null; readonly printedOpnum?: number | null; readonly section?: string | null;
  readonly notUsedOnWire?: boolean; readonly params?: readonly { readonly name: string; readonly dir: readonly string[]; readonly type: string }[];
}
interface Data {
  readonly clsids: readonly (readonly [string, string])[];
  readonly interfaces: readonly { readonly name: string; readonly iid: string; readonly base: string; readonly inSpec: boolean; readonly methods: readonly DataMethod[] }[];
}

const inSpec = uamg.interfaces.filter((face) => face.spec === 'MS-UAMG');

/** A parameter's type as the IDL writes it, without the pointer of an output. */
function idlType(type: Type): string {
  switch (type.kind) {
    case 'well-known':
      return { bstr: 'BSTR', variant_bool: 'VARIANT_BOOL', date: 'DATE', decimal: 'DECIMAL' }[type.name as string] ?? type.name;
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

function key(method: { readonly opnum: number; readonly name: string }, face: string): string {
  return `${face}::${method.name} (${method.opnum})`;
}

describe('the table of MS-UAMG', () => {
  it('has 44 interfaces, 213 methods and 20 slots that are not for the wire', () => {
    const methods = inSpec.flatMap((face) => face.methods);
    expect(inSpec.length).toBe(44);
    expect(methods.filter((method) => method.notUsedOnWire !== true).length).toBe(213);
    expect(methods.filter((method) => method.notUsedOnWire === true).length).toBe(20);
    expect(uamg.interfaces.filter((face) => face.spec === 'SDK').length).toBe(34);
  });

  it('compiles every method for both byte orders and both syntaxes', () => {
    const { registry } = knowledge();
    for (const face of inSpec) {
      for (const method of face.methods) {
        for (const littleEndian of [true, false]) {
          for (const syntax of ['ndr20', 'ndr64'] as const) {
            const codec = registry.method(face.uuid, method.opnum, { littleEndian, syntax });
            expect(codec === null, key(method, face.name)).toBe(method.notUsedOnWire === true);
          }
        }
      }
    }
  });

  it.skipIf(dataPath === null)('equals the data gathered from SDK vtables', () => {
    const data = JSON.parse(readFileSync(dataPath ?? '', 'utf8')) as Data;
    expect(uamg.interfaces.map((face) => face.name).toSorted()).toEqual(data.interfaces.map((face) => face.name).toSorted());
    expect(uamg.classes.map((known) => [known.clsid, known.name]).toSorted()).toEqual(data.clsids.map(([clsid, name]) => [clsid.toLowerCase(), name]).toSorted());
    for (const wanted of data.interfaces) {
      const face = uamg.interfaces.find((candidate) => candidate.name === wanted.name) as Interface;
      expect([face.uuid, face.base]).toEqual([wanted.iid.toLowerCase(), wanted.base]);
      expect(face.methods.length, wanted.name).toBe(wanted.methods.length);
      for (const [i, row] of wanted.methods.entries()) {
        const method = face.methods[i] as Method;
        const label = key(row, wanted.name);
        expect([method.opnum, method.name, method.member, method.dispid, method.notUsedOnWire === true], label).toEqual([row.opnum, row.name, row.kind, row.dispid, row.notUsedOnWire === true]);
        if (!wanted.inSpec || row.notUsedOnWire === true) continue;
        expect([method.printedOpnum, method.section], label).toEqual([row.printedOpnum, row.section]);
        const shown = (method.params ?? []).map((param) => [param.name, param.direction, param.retval === true, idlType(param.type)]);
        const due = (row.params ?? []).map((param) => {
          const isOut = param.dir.includes('out');
          return [param.name, isOut ? 'out' : 'in', param.dir.includes('retval'), isOut ? param.type.slice(0, -1) : param.type];
        });
        expect(shown, label).toEqual(due);
      }
    }
  });

  it.skipIf(specPath === null)('has the sections and the numbers that the specification prints', () => {
    const spec = readFileSync(specPath ?? '', 'utf8');
    const printed = [...spec.matchAll(/^#+ (3\.[\d.]+) (I\w+):: ?(\w+)(?: \([^)]*\))* \(Opnum (\d+)\)\s*$/gm)].map(([, section = '', face = '', name = '', opnum = '']) => `${section} ${face}::${name} ${opnum}`);
    const ours = inSpec.flatMap((face) => face.methods.filter((method) => method.notUsedOnWire !== true).map((method) => `${method.section ?? ''} ${face.name}::${method.name} ${method.printedOpnum}`));
    expect(printed.length).toBe(213);
    // Printed headings are compared by section and number; names in headings may carry the property's verb.
    const bare = (row: string): string => row.replace(/ I\w+::\w+ /, ' ');
    expect(ours.map(bare).toSorted()).toEqual(printed.map(bare).toSorted());
  });

  it.skipIf(specPath === null)('has the IIDs, bases, order of members and DISPIDs of the IDL in section 6', () => {
    const spec = readFileSync(specPath ?? '', 'utf8');
    const idl = spec.slice(spec.indexOf('# 6 Appendix A')).replace(/^- ?/gm, '');
    const found = [...idl.matchAll(/uuid\(([0-9A-Fa-f-]{36})\)[^{]*?interface (\w+)\s*:\s*(\w+)\s*\{(.*?)\n\s*\}/gs)];
    expect(found.length).toBe(44);
    for (const [, uuid = '', name = '', base = '', body = ''] of found) {
      const face = inSpec.find((candidate) => candidate.name === name) as Interface;
      expect([face.uuid, face.base], name).toEqual([uuid.toLowerCase(), base]);
      const members = [...body.matchAll(/HRESULT\s+(\w+)\s*\(/g)].map((match) => match[1] ?? '');
      const ours = face.methods.map((method) => (method.notUsedOnWire === true ? `Opnum${method.printedOpnum}NotUsedOnWire` : method.name));
      expect(ours, name).toEqual(members);
    }
  });

  it.skipIf(specPath === null)('has every enumeration with the values of section 2.2', () => {
    const spec = readFileSync(specPath ?? '', 'utf8');
    const found = [...spec.slice(0, spec.indexOf('# 6 Appendix A')).matchAll(/^### (2\.2\.\d+) (\w+)\n(.*?)typedef enum tag\w+\s*\{(.*?)\}/gms)];
    const enums = uamg.types.filter((type) => type.kind === 'enum');
    expect(found.length).toBe(enums.length);
    for (const [, section = '', name = '', , body = ''] of found) {
      const members = Object.fromEntries([...body.matchAll(/(\w+)\s*=\s*(0x[0-9a-fA-F]+|\d+)/g)].map(([, member = '', value = '']) => [member, Number(value)]));
      const ours = enums.find((type) => type.name === name);
      expect([ours?.section, ours?.members], name).toEqual([section, members]);
    }
  });
});
