import type { Registry, ResolvedInterface } from '../../ndr/codec.js';
import type { Parameter, Type } from '../../ndr/types.js';
import { jsonText } from '../../output/json.js';
import { suggest } from '../../bytes/suggest.js';
import type { Sink } from '../../io/sink.js';
import { UsageError } from '../../io/streams.js';

/**
 * Lists what the tables know, or the interfaces of these names with all their slots; as JSON one interface is an
 * object, several are an array. @throws UsageError for a name that is in no table, before anything is written.
 */
export function interfacesLines(
  registry: Registry,
  names: readonly string[],
  format: 'text' | 'json',
  out: Sink,
): void {
  if (names.length === 0) {
    if (format === 'json') out.line(jsonText(registry.interfaces.map(summaryOf), 2));
    else for (const line of listing(registry)) out.line(line);
    return;
  }
  const found = names.map((name) => find(registry, name));
  if (format === 'json') {
    const details = found.map(detailOf);
    out.line(jsonText(details.length === 1 ? details[0] : details, 2));
    return;
  }
  for (const [index, one] of found.entries()) {
    if (index > 0) out.line('');
    for (const line of detail(one)) out.line(line);
  }
}

function find(registry: Registry, name: string): ResolvedInterface {
  const wanted = name.replace(/[{}]/g, '').toLowerCase();
  const found = registry.interfaces.find(
    (one) => one.interface.name.toLowerCase() === wanted || one.interface.uuid === wanted,
  );
  if (found !== undefined) return found;
  const near = suggest(
    name,
    registry.interfaces.map((one) => one.interface.name),
  );
  throw new UsageError(
    `no interface ${JSON.stringify(name)} is known${near.length === 0 ? '; uamgscope interfaces lists them' : `; did you mean ${near.join(', ')}?`}`,
  );
}

function summaryOf(one: ResolvedInterface) {
  const { name, uuid, version, base, spec, section, orpc, methods } = one.interface;
  return {
    name,
    uuid,
    version: `${version.major}.${version.minor}`,
    base,
    spec,
    section,
    orpc,
    methods: methods.length,
  };
}

function detailOf(one: ResolvedInterface) {
  const { erratum } = one.interface;
  const slots = one.slots.flatMap((slot) => {
    if (slot === null) return [];
    const { name, opnum, printedOpnum, member, dispid, section, params, notUsedOnWire, erratum } = slot.method;
    return [
      {
        opnum,
        printedOpnum,
        name,
        member,
        dispid,
        section,
        interface: slot.owner.name,
        notUsedOnWire: notUsedOnWire === true,
        params:
          params?.map((param) => ({
            name: param.name,
            direction: param.direction,
            type: typeName(param.type),
            retval: param.retval === true,
          })) ?? null,
        ...(erratum === undefined ? {} : { erratum }),
      },
    ];
  });
  return { ...summaryOf(one), ...(erratum === undefined ? {} : { erratum }), methods: slots };
}

function listing(registry: Registry): string[] {
  const lines: string[] = [];
  for (const specification of registry.specifications) {
    const own = new Set(specification.interfaces.map(({ uuid }) => uuid));
    const known = registry.interfaces.filter((one) => own.has(one.interface.uuid));
    if (known.length === 0) continue;
    if (lines.length > 0) lines.push('');
    lines.push(
      `${specification.name}  ${specification.title}  (${known.length} ${known.length === 1 ? 'interface' : 'interfaces'})`,
    );
    const width = Math.max(...known.map((one) => one.interface.name.length));
    for (const { interface: one } of known) {
      lines.push(
        `  ${one.name.padEnd(width)}  ${one.uuid}  ${String(one.methods.length).padStart(3)} ${one.methods.length === 1 ? 'method ' : 'methods'}${one.section === null ? '' : `  § ${one.section}`}`,
      );
    }
  }
  return lines;
}

function detail(one: ResolvedInterface): string[] {
  const { name, uuid, version, base, spec, section, orpc, erratum } = one.interface;
  const lines = [
    `${name}  {${uuid}} ${version.major}.${version.minor}  ${orpc ? 'DCOM' : 'RPC'}${base === null ? '' : `, derives from ${base}`}, [${spec}]${section === null ? '' : ` ${section}`}`,
  ];
  if (erratum !== undefined) lines.push(`  erratum: ${erratum}`);
  lines.push('', '  opnum  printed  section      member');
  for (const slot of one.slots) {
    if (slot === null) continue;
    const { method, owner } = slot;
    const printed = method.printedOpnum === method.opnum ? '' : String(method.printedOpnum);
    const inherited = owner === one.interface ? '' : `  (${owner.name})`;
    const dispid = method.dispid === null ? '' : `  DISPID ${method.dispid}`;
    const unused = method.notUsedOnWire === true ? '  not used on the wire' : '';
    lines.push(
      `  ${String(method.opnum).padStart(5)}  ${printed.padStart(7)}  ${(method.section ?? '').padEnd(11)}  ${memberText(method.member)}${method.name}${paramsText(method.params)}${dispid}${inherited}${unused}`,
    );
    if (method.erratum !== undefined) lines.push(`${' '.repeat(29)}erratum: ${method.erratum}`);
  }
  return lines;
}

function memberText(member: string): string {
  return member === 'method' ? '' : `${member} `;
}

function paramsText(params: readonly Parameter[] | null): string {
  return params === null
    ? '(?)'
    : `(${params.map((param) => `${param.retval === true ? 'retval' : param.direction} ${param.name}: ${typeName(param.type)}`).join(', ')})`;
}

/** A type as one would say it in IDL. */
function typeName(type: Type): string {
  switch (type.kind) {
    case 'base':
      return type.alias ?? type.base;
    case 'enum':
    case 'flags':
    case 'struct':
    case 'union':
    case 'named':
      return type.name;
    case 'well-known':
      return type.name.toUpperCase();
    case 'pointer':
      return `${typeName(type.to)}${type.pointer === 'ref' ? '' : '*'}`;
    case 'array':
      return `${typeName(type.of)}[${boundOf(type)}]`;
    case 'string':
      return type.unit === 'wchar' ? 'string' : 'char string';
    case 'interface':
      return `${type.interface ?? 'IUnknown'}*`;
    case 'pickle':
    case 'transformed':
      return typeName(type.of);
    case 'unsupported':
      return `(${type.what})`;
  }
}

function boundOf({ size, sizeIs }: Extract<Type, { kind: 'array' }>): string {
  return String(size ?? sizeIs ?? '');
}
