import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, resolve, sep } from 'node:path';
import { predefinedConstants, predefinedTypes, prelude } from '../../dissectors/predefined.js';
import type { Registry } from '../ndr/codec.js';
import { IDL_LIMITS, IdlError, readIdl, type Source } from '../ndr/idl/idl.js';
import type { Interface, Specification } from '../ndr/types.js';
import { UsageError } from './streams.js';

/** What `--idl` and `--idl-path` give. */
export interface IdlFlags {
  readonly idl?: readonly string[];
  readonly idlPath?: readonly string[];
}

/**
 * Reads IDL files and puts their interfaces beside the tables'. Imports are looked for beside the file that asks, then
 * in `folders`, in order. Where the tables describe an interface, they stay: they know more than IDL can say.
 * @throws UsageError for a file that cannot be read or understood
 */
export function withIdl(
  tables: readonly Specification[],
  files: readonly string[],
  folders: readonly string[],
): readonly Specification[] {
  const interfaces = new Map(tables.flatMap((one) => one.interfaces).map((iface) => [iface.name, iface]));
  const known = {
    types: predefinedTypes,
    constants: predefinedConstants,
    slots: (name: string) => slotsOf(interfaces, name),
  };
  let all = tables;
  for (const path of files) {
    const source = sourceAt(path);
    if (source === null)
      throw new UsageError(
        `--idl: cannot read ${path}: it is missing, no file, or larger than ${IDL_LIMITS.length} bytes`,
      );
    try {
      const { specification } = readIdl(source, {
        known,
        prelude,
        find: (name, from) => find(name, [dirname(from), ...folders]),
      });
      all = merged(all, specification);
    } catch (error) {
      if (error instanceof IdlError) throw new UsageError(`--idl: ${error.message}`);
      throw error;
    }
  }
  return all;
}

/**
 * Compiles what was loaded, so that what descriptors cannot express is told now and not in the middle of a capture.
 * @throws UsageError
 */
export function compileAll(registry: Registry, loaded: readonly Specification[]): void {
  for (const iface of loaded.flatMap((one) => one.interfaces)) {
    for (const { name, opnum } of iface.methods) {
      try {
        for (const syntax of ['ndr20', 'ndr64'] as const)
          registry.method(iface.uuid, opnum, { littleEndian: true, syntax });
      } catch (error) {
        throw new UsageError(
          `--idl: ${iface.name}::${name} cannot be decoded: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }
}

function merged(all: readonly Specification[], own: Specification): readonly Specification[] {
  const byUuid = new Map(all.flatMap((one) => one.interfaces).map((iface) => [iface.uuid, iface]));
  const byName = new Map([...byUuid.values()].map((iface) => [iface.name, iface]));
  const names = new Map<string, string>();
  const replaced = new Set<Interface>();
  const added: Interface[] = [];
  for (const iface of own.interfaces) {
    const same = byUuid.get(iface.uuid);
    if (same !== undefined) names.set(iface.name, same.name);
    else if (byName.has(iface.name)) names.set(iface.name, `${iface.name}@${own.name}`);
    if (same !== undefined && !isNamesOnly(same)) continue;
    if (same !== undefined) replaced.add(same);
    added.push(iface);
  }
  const renamed = (name: string): string => names.get(name) ?? name;
  const interfaces: Interface[] = [];
  for (const iface of added)
    interfaces.push({ ...iface, name: renamed(iface.name), base: iface.base === null ? null : renamed(iface.base) });
  const rest =
    replaced.size === 0
      ? all
      : all.map((one) => ({ ...one, interfaces: one.interfaces.filter((iface) => !replaced.has(iface)) }));
  return [
    ...rest,
    {
      ...own,
      interfaces,
      classes: own.classes.map((one) => ({
        ...one,
        interface: one.interface === null ? null : renamed(one.interface),
      })),
    },
  ];
}

/** An interface whose table has names and no parameters. */
function isNamesOnly(iface: Interface): boolean {
  return iface.methods.length > 0 && iface.methods.every((method) => method.params === null);
}

function slotsOf(interfaces: ReadonlyMap<string, Interface>, name: string): number | null {
  const iface = interfaces.get(name);
  if (iface === undefined) return null;
  const before = iface.base === null ? 0 : (slotsOf(interfaces, iface.base) ?? 0);
  return iface.methods.reduce((most, method) => Math.max(most, method.opnum + 1), before);
}

/** A file of that name below one of the folders; a path that leads out of them is looked for by its last part. */
function find(name: string, folders: readonly string[]): Source | null {
  const path = name.replaceAll('\\', '/');
  for (const folder of folders) {
    const inside = resolve(folder, path);
    const candidates = inside.startsWith(resolve(folder) + sep)
      ? [inside, resolve(folder, path.toLowerCase())]
      : [resolve(folder, basename(path))];
    for (const candidate of candidates) {
      const found = sourceAt(candidate);
      if (found !== null) return found;
    }
  }
  return null;
}

function sourceAt(path: string): Source | null {
  try {
    const found = statSync(path);
    if (!found.isFile() || found.size > IDL_LIMITS.length) return null;
    const bytes = readFileSync(path);
    const wide = bytes[0] === 0xff && bytes[1] === 0xfe;
    return { name: path, text: new TextDecoder(wide ? 'utf-16le' : 'utf-8').decode(bytes) };
  } catch {
    return null;
  }
}
