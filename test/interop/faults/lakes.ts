import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readManifests } from '../../../src/io/lake/manifest.js';

/** What a lake holds by its manifests, and what lies in it beside. */
export interface LakeFacts {
  /** Calls of all chains. */
  readonly calls: number;
  /** Files that a manifest names and that are not there, or have another size. */
  readonly missing: readonly string[];
  /** Tables that no manifest names, and files that nobody finished. */
  readonly extra: readonly string[];
}

export function lakeFacts(lake: string): LakeFacts {
  const manifests = readManifests(lake);
  const parts = new Map(manifests.flatMap(({ head }) => head.parts.map(({ path, bytes }) => [path, bytes] as const)));
  const there = readdirSync(lake, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => relative(lake, join(one.parentPath, one.name)));
  return {
    calls: manifests.reduce((sum, { head }) => sum + head.calls, 0),
    missing: [...parts].flatMap(([path, bytes]) =>
      statSync(join(lake, path), { throwIfNoEntry: false })?.size === bytes ? [] : [path],
    ),
    extra: there.filter((path) => !path.startsWith('_manifests/') && !parts.has(path)),
  };
}

/** Writes a pcapng capture as two that follow one another. */
export function halves(capture: string, first: string, second: string): void {
  const bytes = readFileSync(capture);
  const blocks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4))
    blocks.push(bytes.subarray(at, at + bytes.readUInt32LE(at + 4)));
  const [PACKET, half] = [6, Math.ceil(blocks.length / 2)];
  const heads = blocks.filter((one) => one.readUInt32LE(0) !== PACKET);
  const packets = blocks.filter((one) => one.readUInt32LE(0) === PACKET);
  writeFileSync(first, Buffer.concat([...heads, ...packets.slice(0, half)]));
  writeFileSync(second, Buffer.concat([...heads, ...packets.slice(half)]));
}
