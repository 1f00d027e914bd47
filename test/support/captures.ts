import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './shared.js';

/** Paths of the sample captures the package ships, made by its own scripts. */
export function shippedCaptures(): readonly string[] {
  return capturesIn('captures');
}

/** Paths of the shipped captures of other people's clients talking to the update agent. */
export function sessionCaptures(): readonly string[] {
  return capturesIn('captures/sessions');
}

function capturesIn(name: string): readonly string[] {
  const folder = join(packageRoot(), name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => /\.pcap(ng)?$/.test(file))
    .toSorted()
    .map((file) => join(folder, file));
}
