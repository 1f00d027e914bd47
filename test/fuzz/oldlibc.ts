/**
 * Jazzer's engine on systems older than those it was built on (Debian 12, Ubuntu 22.04): the prebuilt addon asks for glibc 2.38
 * and for the C++ library of GCC 13 because of three names alone. `__isoc23_strtol` and `__isoc23_strtoul` are `strtol` and
 * `strtoul` for what libFuzzer reads (C23 added binary literals); `std::ios_base_library_init` is never called, it only says
 * that the library sets up its streams by itself, which Node has done long before. A copy that does without is loaded instead.
 * Loaded with `node --import`, before Jazzer; it does nothing where the addon loads as it is.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const C23 = '__isoc23_';
const STREAMS = '_ZSt21ios_base_library_initv';
/** The versions that are missing there. */
const MISSING: ReadonlySet<string> = new Set(['GLIBC_2.38', 'GLIBCXX_3.4.32']);
// ELF-64 ([System V ABI] 4, [LSB] 10.7): section header types, and sizes of entries.
const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const SHT_GNU_VERSYM = 0x6fffffff;
const SYMBOL_BYTES = 24;
/** The index of a symbol of no version in particular: the first definition found is taken. */
const VER_NDX_GLOBAL = 1;
const VER_FLG_WEAK = 2;
const STB_WEAK = 2;

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

/** The sections of a little-endian 64-bit ELF file. */
function sectionsOf(view: DataView): Section[] {
  if (view.getUint32(0) !== 0x7f454c46 || view.getUint8(4) !== 2 || view.getUint8(5) !== 1)
    throw new Error('not a little-endian 64-bit ELF file');
  const at = Number(view.getBigUint64(0x28, true));
  const size = view.getUint16(0x3a, true);
  return Array.from({ length: view.getUint16(0x3c, true) }, (_, index) => {
    const start = at + index * size;
    const number = (offset: number): number => Number(view.getBigUint64(start + offset, true));
    return {
      type: view.getUint32(start + 4, true),
      offset: number(24),
      size: number(32),
      link: view.getUint32(start + 40, true),
      info: view.getUint32(start + 44, true),
    };
  });
}

function textAt(bytes: Uint8Array, at: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, bytes.indexOf(0, at) - at).toString('latin1');
}

/** The addon's bytes with what older libraries lack asked for by its old name, or not at all.
 * @throws Error where the file is no such addon, or wants something else of the newer libraries */
export function forOlderLibc(addon: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(addon);
  const view = new DataView(bytes.buffer);
  const sections = sectionsOf(view);
  const [symbols, versions, needs] = [SHT_DYNSYM, SHT_GNU_VERSYM, SHT_GNU_VERNEED].map((type) =>
    sections.find((section) => section.type === type),
  );
  const names = symbols === undefined ? undefined : sections[symbols.link];
  if (symbols === undefined || versions === undefined || needs === undefined || names === undefined)
    throw new Error('the addon has no symbols with versions');
  const wanted = versionsWanted(view, bytes, needs, names.offset);
  for (let index = 0; index < symbols.size / SYMBOL_BYTES; index++) {
    const version = versions.offset + index * 2;
    if (!wanted.has(view.getUint16(version, true))) continue;
    const symbol = symbols.offset + index * SYMBOL_BYTES;
    const name = view.getUint32(symbol, true);
    const told = textAt(bytes, names.offset + name);
    if (told.startsWith(C23)) view.setUint32(symbol, name + C23.length, true);
    else if (told === STREAMS) view.setUint8(symbol + 4, (STB_WEAK << 4) | (view.getUint8(symbol + 4) & 0xf));
    else throw new Error(`the addon wants ${told}, which is not in the libraries of this system`);
    view.setUint16(version, VER_NDX_GLOBAL, true);
  }
  return bytes;
}

/** The indexes of versions newer than what is there; they are marked as not necessary. */
function versionsWanted(view: DataView, bytes: Uint8Array, needs: Section, names: number): Set<number> {
  const found = new Set<number>();
  let file = needs.offset;
  for (let left = needs.info; left > 0; left--) {
    let aux = file + view.getUint32(file + 8, true);
    for (let more = view.getUint16(file + 2, true); more > 0; more--) {
      if (MISSING.has(textAt(bytes, names + view.getUint32(aux + 8, true)))) {
        found.add(view.getUint16(aux + 6, true));
        view.setUint16(aux + 4, view.getUint16(aux + 4, true) | VER_FLG_WEAK, true);
      }
      aux += view.getUint32(aux + 12, true);
    }
    file += view.getUint32(file + 12, true);
  }
  return found;
}

/** Whether this process runs on a glibc older than the addon was built for. */
function olderLibc(): boolean {
  const report: unknown = process.report?.getReport();
  const version = (report as { header?: { glibcVersionRuntime?: string } } | undefined)?.header?.glibcVersionRuntime;
  if (version === undefined) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === 2 && minor < 38;
}

if (process.env.UAMGSCOPE_FUZZING === '1' && olderLibc()) {
  const dlopen = process.dlopen.bind(process);
  process.dlopen = (module: object, filename: string, flags?: number): void => {
    const load = (name: string): void => (flags === undefined ? dlopen(module, name) : dlopen(module, name, flags));
    if (!basename(filename).startsWith('fuzzer-linux-')) return load(filename);
    const folder = mkdtempSync(join(tmpdir(), 'uamgscope-fuzz-'));
    const copy = join(folder, basename(filename));
    try {
      writeFileSync(copy, forOlderLibc(readFileSync(filename)));
      load(copy);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}
