import { blockOf } from '../../bytes/block.js';
import type { Frame } from '../../types.js';
import { UsageError } from '../streams.js';
import { failureOf } from './tools.js';

/** What is used of a capture of the optional package `cap`. */
export interface CapDevice {
  open(device: string, filter: string, bufferSize: number, buffer: Buffer): string;
  setMinBytes?(bytes: number): void;
  on(event: 'packet', listener: (bytes: number, truncated: boolean) => void): void;
  close(): void;
}

/** Loads the package; null where it is not there. */
export type CapLoader = () => Promise<(new () => CapDevice) | null>;

/** LINKTYPE_ values by the names that `cap` gives. */
const LINK_TYPES: Readonly<Record<string, number>> = { ETHERNET: 1, NULL: 0, RAW: 101, LINKTYPE_LINUX_SLL: 113 };
const RING_BYTES = 32 * 1024 * 1024;

/**
 * Captures with the package `cap`, in this process. It gives neither time stamps nor drop counts: packets have the time
 * at which they were handed over. @throws UsageError when the package is not there or the interface cannot be opened
 */
export async function openCap(
  iface: string,
  filter: string,
  take: (frame: Frame) => void,
  now: () => number,
  load: CapLoader = loadCap,
): Promise<{ readonly close: () => void }> {
  const Cap = await load();
  if (Cap === null)
    throw new UsageError(
      'the package cap is not installed (npm install cap needs a compiler and libpcap): leave --backend out to use tcpdump or dumpcap',
    );
  const device = new Cap();
  // The package keeps its address only: the listener below keeps it alive.
  const buffer = Buffer.alloc(65_536);
  let number = 0;
  let link: string;
  try {
    link = device.open(iface, filter, RING_BYTES, buffer);
  } catch (error) {
    refused.push(device);
    const failure = failureOf('cap', iface, error instanceof Error ? error.message : String(error));
    throw new UsageError(
      failure.kind === 'permission'
        ? `cap may not capture on ${iface}: run as root, or leave --backend out`
        : failure.message,
    );
  }
  device.setMinBytes?.(0);
  const linkType = LINK_TYPES[link] ?? 1;
  let offset = 0;
  device.on('packet', (bytes) => {
    const ms = now();
    const block = blockOf(Uint8Array.from(buffer.subarray(0, bytes)));
    take({
      kind: 'frame',
      number: ++number,
      block,
      start: 0,
      end: bytes,
      timeS: Math.floor(ms / 1000),
      timeNs: Math.floor((ms % 1000) * 1e6),
      linkType,
      wireLength: bytes,
      interfaceId: 0,
      offset,
      hasTime: true,
    });
    offset += bytes;
  });
  return { close: () => device.close() };
}

/**
 * The package ends the process when the collector frees a device that could not be opened, and when such a one is
 * closed: it is kept.
 */
const refused: CapDevice[] = [];

async function loadCap(): ReturnType<CapLoader> {
  // The name is not a constant, so that compiling does not ask for a package that may be missing.
  const name = 'cap';
  const loaded: { readonly default?: { readonly Cap?: new () => CapDevice } } | null = await import(name).catch(
    () => null,
  );
  return loaded?.default?.Cap ?? null;
}
