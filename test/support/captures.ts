import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './shared.js';

/** Paths of the sample captures the package ships. */
export function shippedCaptures(): readonly string[] {
  const folder = join(packageRoot(), 'captures');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => /\.pcap(ng)?$/.test(name)).toSorted().map((name) => join(folder, name));
}
