import type { Block, Fields, VerificationCommand, VerificationTrailer } from '../types.js';
import { VERIFICATION_WINDOW } from './limits.js';
import { syntaxAt } from './syntax.js';

/** 8a e3 13 71 02 f4 36 71 ([MS-RPCE] 2.2.2.13.1), as big-endian words. */
const SIGNATURE_HIGH = 0x8ae31371;
const SIGNATURE_LOW = 0x02f43671;
const COMMAND_END = 0x4000;
const MUST_PROCESS = 0x8000;
/** Sizes of the commands that are defined. */
const SIZES: readonly number[] = [-1, 4, 40, 16];
const NAMES: readonly VerificationCommand['command'][] = ['unknown', 'bitmask1', 'pcontext', 'header2'];

/**
 * The verification trailer at the end of request stub `start` to `end` ([MS-RPCE] 2.2.2.13), or null. It is looked for
 * backwards from the end, at multiples of 4 from `base` (the stub of the last fragment). Bytes that merely look like
 * the signature are none: its commands have to be well-formed, each there once, and end exactly where the stub does.
 */
export function findVerification(block: Block, start: number, end: number, base: number): VerificationTrailer | null {
  const { view } = block;
  const least = Math.max(start, end - VERIFICATION_WINDOW);
  // Signature and one command without fields take 12 bytes. Commands are multiples of 4, so the end is aligned where
  // the start is.
  if (((end - base) & 3) !== 0) return null;
  for (let at = end - 12; at >= least; at -= 4) {
    if (view.getUint32(at) !== SIGNATURE_HIGH || view.getUint32(at + 4) !== SIGNATURE_LOW) continue;
    const commands = parse(block, at + 8, end);
    if (commands !== null) return { offset: at - start, commands };
  }
  return null;
}

function parse(block: Block, from: number, end: number): readonly VerificationCommand[] | null {
  const { view } = block;
  const commands: VerificationCommand[] = [];
  let seen = 0;
  let at = from;
  while (end - at >= 4) {
    // Commands are little-endian whatever the PDU is; only values copied from its header follow it.
    const word = view.getUint16(at, true);
    const length = view.getUint16(at + 2, true);
    const type = word & 0x3fff;
    if ((length & 3) !== 0 || (SIZES[type] ?? length) !== length || length > end - at - 4) return null;
    if (type < SIZES.length) {
      if ((seen & (1 << type)) !== 0) return null;
      seen |= 1 << type;
    }
    commands.push({
      command: NAMES[type] ?? 'unknown',
      type,
      mustProcess: (word & MUST_PROCESS) !== 0,
      fields: fieldsOf(block, type, at + 4, length),
    });
    at += 4 + length;
    if ((word & COMMAND_END) !== 0) return at === end ? commands : null;
  }
  return null;
}

function fieldsOf(block: Block, type: number, at: number, length: number): Fields {
  const { view, u8 } = block;
  switch (type) {
    case 1:
      return { bits: view.getUint32(at, true) };
    case 2:
      return { interface: { ...syntaxAt(view, at, true) }, transfer: { ...syntaxAt(view, at + 20, true) } };
    case 3: {
      const little = ((u8[at + 4] as number) & 0xf0) === 0x10;
      return {
        ptype: u8[at] as number,
        drep: u8.slice(at + 4, at + 8),
        callId: view.getUint32(at + 8, little),
        contextId: view.getUint16(at + 12, little),
        opnum: view.getUint16(at + 14, little),
      };
    }
    default:
      return { bytes: u8.slice(at, at + length) };
  }
}
