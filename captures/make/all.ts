import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { concat } from '../../src/bytes/concat.js';
import { pcapHeader, pcapngHeader, pcapngPacket, pcapRecord } from '../../src/capture/write.js';
import { earlyBound, lateBound } from './scenario.js';
import type { Trace } from './wire.js';

const ETHERNET = 1;

function pcapng(trace: Trace): Uint8Array {
  return concat([
    pcapngHeader(ETHERNET, { application: 'uamgscope captures/make' }),
    ...trace.packets.map((packet) => pcapngPacket(packet)),
  ]);
}

function pcap(trace: Trace, keep: (index: number) => boolean, cut: number): Uint8Array {
  const whole = concat([
    pcapHeader(ETHERNET),
    ...trace.packets.filter((_, index) => keep(index)).map((packet) => pcapRecord(packet)),
  ]);
  return whole.subarray(0, whole.length - cut);
}

/** Every sample capture by its name: what each holds stands in MANIFEST.md. */
export const SAMPLES: Readonly<Record<string, () => Uint8Array>> = {
  'wua-session.pcapng': () => pcapng(earlyBound()),
  'wua-late-bound.pcapng': () => pcapng(lateBound({ v6: true })),
  'wua-bigendian.pcapng': () => pcapng(earlyBound({ encoding: { littleEndian: false, syntax: 'ndr20' } })),
  'wua-ndr64.pcapng': () => pcapng(earlyBound({ encoding: { littleEndian: true, syntax: 'ndr64' }, maxFragment: 256 })),
  'wua-printed-opnums.pcapng': () => pcapng(earlyBound({ numbering: 'printed' })),
  'wua-mixed-opnums.pcapng': () => pcapng(earlyBound({ numbering: 'mixed' })),
  'wua-sealed.pcapng': () =>
    pcapng(
      lateBound({ ntlm: { user: 'alice', domain: 'CONTOSO', password: 'Pässwörd✓1', level: 'privacy', spnego: true } }),
    ),
  'wua-signed.pcapng': () =>
    pcapng(earlyBound({ ntlm: { user: 'alice', domain: 'CONTOSO', password: 'Pässwörd✓1', level: 'integrity' } })),
  // Packets 55 and 110 (an answer and a request) are missing, and the file ends inside its last packet.
  'wua-damaged.pcap': () => pcap(earlyBound(), (index) => index !== 55 && index !== 109, 17),
};

const folder = join(dirname(fileURLToPath(import.meta.url)), '..');
if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  for (const [name, make] of Object.entries(SAMPLES)) writeFileSync(join(folder, name), make());
}
