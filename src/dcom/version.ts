import { isRecord } from '../ndr/value.js';
import type { Value } from '../types.js';
import { read, type ComVersion } from './wire.js';

export type { ComVersion } from './wire.js';

/** The DCOM version that is spoken here ([MS-DCOM] 2.2.11). */
export const COM_VERSION: ComVersion = Object.freeze({ MajorVersion: 5, MinorVersion: 7 });

/** A COMVERSION as it was decoded, or null. */
export function readVersion(value: Value | undefined): ComVersion | null {
  if (!isRecord(value)) return null;
  const { MajorVersion, MinorVersion } = read<ComVersion>(value);
  return { MajorVersion: Number(MajorVersion), MinorVersion: Number(MinorVersion) };
}

/**
 * The version for calls of a server: its own where that is the lower one of the same major version ([MS-DCOM]
 * 3.2.4.1.1.2).
 */
export function commonVersion(server: ComVersion | null): ComVersion {
  return server !== null &&
    server.MajorVersion === COM_VERSION.MajorVersion &&
    server.MinorVersion < COM_VERSION.MinorVersion
    ? server
    : COM_VERSION;
}
