import type { Value } from '../types.js';
import type { ComVersion } from './version.js';

/** What is known of an object exporter ([MS-DCOM] 3.2.1, the OXID table): where it listens, and its IRemUnknown. */
export interface ExporterInfo {
  /** Null where the request that named it was not captured. */
  readonly oxid: string | null;
  readonly ipidRemUnknown: string;
  /** Bindings as the dual string transform shows them, or null. */
  readonly bindings: Value;
  /** Least authentication level that it wants calls at, by its number. */
  readonly authnHint: number;
  readonly version: ComVersion | null;
}

/** An exporter as its own server tells of it. */
export interface OwnExporter extends ExporterInfo {
  readonly oxid: string;
  readonly version: ComVersion;
}
