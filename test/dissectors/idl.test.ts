import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { specifications } from '../../dissectors/index.js';
import { predefinedConstants, predefinedTypes, prelude } from '../../dissectors/predefined.js';
import { uamg } from '../../dissectors/uamg/index.js';
import { readIdl } from '../../src/ndr/idl/idl.js';
import type { Interface, Method, Type } from '../../src/ndr/types.js';
import { shared } from '../support/shared.js';
import { cleaned } from './specification.js';

const interfaces = new Map(specifications.flatMap((one) => one.interfaces).map((iface) => [iface.name, iface]));

function slots(name: string): number | null {
  const iface = interfaces.get(name);
  return iface === undefined
    ? null
    : iface.methods.reduce(
        (most, method) => Math.max(most, method.opnum + 1),
        iface.base === null ? 0 : (slots(iface.base) ?? 0),
      );
}

/** A type without what only tables say: names of typedefs, sections, notes. */
function bare(type: Type | (typeof uamg.types)[number]): unknown {
  switch (type.kind) {
    case 'base':
      return type.base;
    case 'enum':
      return { enum: type.name, wire: type.wire, members: type.members };
    case 'pointer':
      return { [type.pointer]: bare(type.to) };
    default:
      return type;
  }
}

/** What the IDL and the table both say of a method. */
function shape(method: Method): unknown {
  const { opnum, member, dispid, params, returns } = method;
  if (method.notUsedOnWire === true) return { opnum, notUsedOnWire: true };
  return {
    opnum,
    name: method.name,
    member,
    dispid,
    returns,
    params: params?.map((param) => ({
      name: param.name,
      direction: param.direction,
      retval: param.retval === true,
      type: bare(param.type),
    })),
  };
}

const path = shared('spec/MS-UAMG.md', 'the IDL of MS-UAMG against its tables');

describe.skipIf(path === null)('the IDL of [MS-UAMG] section 6', () => {
  const text = path === null ? '' : cleaned(readFileSync(path, 'utf8'));
  const appendix = text.slice(text.indexOf('# 6 Appendix A: Full IDL'));
  // The appendix is a list: its lines begin with a dash, and its heading and first sentence are prose.
  const source = appendix.slice(appendix.indexOf('- import'), appendix.indexOf('\n<a id=')).replace(/^- ?/gm, '');
  const read =
    path === null
      ? null
      : readIdl(
          { name: 'MS-UAMG.idl', text: source },
          { known: { types: predefinedTypes, constants: predefinedConstants, slots }, prelude, find: () => null },
        );
  const loaded = read?.specification.interfaces ?? [];
  const tables = uamg.interfaces.filter((iface) => iface.spec === 'MS-UAMG');
  const byUuid = new Map(tables.map((iface) => [iface.uuid, iface]));

  it('has the interfaces of the tables', () => {
    expect(loaded.map((iface) => iface.uuid).toSorted()).toEqual(tables.map((iface) => iface.uuid).toSorted());
    expect(read?.missing).toEqual(['ms-dtyp.idl', 'ms-oaut.idl']);
  });

  it('has the enumerations of the tables', () => {
    const own = read?.specification.types.map((type) => (type.kind === 'typedef' ? bare(type.type) : null));
    expect(own).toEqual(expect.arrayContaining(uamg.types.map(bare)));
    expect(own).toHaveLength(uamg.types.length);
  });

  it.each(loaded.map((iface) => [iface.name, iface] as const))(
    'gives %s the slots, identifiers and types of its table',
    (_, iface) => {
      const table = byUuid.get(iface.uuid) as Interface;
      expect({ name: iface.name, base: iface.base, orpc: iface.orpc }).toEqual({
        name: table.name,
        base: table.base,
        orpc: table.orpc,
      });
      expect(iface.methods.map(shape)).toEqual(table.methods.map(shape));
    },
  );
});
