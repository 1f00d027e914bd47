import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readWellKnown, WellKnownTable } from '../../dissectors/wellknown/table.js';
import type { UuidNames } from '../ndr/codec.js';
import { PACKAGE_ROOT } from './package.js';

/** The table of well-known interfaces and classes beside the program; empty where the file is not there. */
function load(): WellKnownTable {
  try {
    return new WellKnownTable(
      readWellKnown(readFileSync(join(PACKAGE_ROOT, 'dissectors', 'wellknown', 'names.txt'), 'utf8')),
    );
  } catch {
    return new WellKnownTable({ interfaces: [], classes: [] });
  }
}

/** Looks names up in the table, which is read when the first is asked for: most captures never ask. */
export class WellKnownNames implements UuidNames {
  private read: WellKnownTable | null = null;

  get table(): WellKnownTable {
    return (this.read ??= load());
  }

  interface(uuid: string, opnum: number | null): ReturnType<UuidNames['interface']> {
    const found = this.table.interface(uuid);
    if (found === null) return null;
    const method = opnum === null ? null : this.table.method(uuid, opnum);
    return { name: found.name, spec: found.spec, method };
  }

  class(clsid: string): string | null {
    return this.table.class(clsid)?.name ?? null;
  }
}
