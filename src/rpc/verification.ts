import { Cursor } from '../bytes/cursor.js';
import { guidAt } from '../bytes/guid.js';
import type { Block, Value, VerificationCommand, VerificationTrailer } from '../types.js';

const SIGNATURE_HIGH = 0x8ae31371;
const SIGNATURE_LOW = 0x02f43671;
/** The three commands of [MS-RPCE] 2.2.2.13 take 84 bytes; room is left for unknown ones. */
export const VERIFICATION_WINDOW = 256;
const COMMAND_END = 0x4000;
const MUST_PROCESS = 0x8000;
const NAMES: Readonly<Record<number, VerificationCommand['command']>> = { 1: 'bitmask1', 2: 'pcontext', 3: 'header2' };
const SIZES: Readonly<Record<number, number>> = { 1: 4, 2: 40, 3: 16 };

/**
 * The verification trailer at the end of a request stub ([MS-RPCE] 2.2.2.13), or null. Bytes that merely look like its
 * signature are none: its commands have to end exactly where the stub does.
 */
export function verificationTrailer(block: Block, start: number, end: number): VerificationTrailer | null {
  const { view } = block;
  const first = Math.max(start, end - VERIFICATION_WINDOW);
  for (let at = start + (((end - start) & ~3) - 8); at >= first; at -= 4) {
    if (view.getUint32(at) !== SIGNATURE_HIGH || view.getUint32(at + 4) !== SIGNATURE_LOW) continue;
    const commands = parse(block, at + 8, end);
    if (commands !== null) return { offset: at - start, commands };
  }
  return null;
}

function parse(block: Block, from: number, end: number): readonly VerificationCommand[] | null {
  // The trailer is little-endian whatever the PDU is.
  const cursor = new Cursor(block, from, end);
  const commands: VerificationCommand[] = [];
  while (cursor.remaining >= 4) {
    const word = cursor.u16();
    const length = cursor.u16();
    const type = word & 0x3fff;
    if (cursor.remaining < length || (SIZES[type] ?? length) !== length) return null;
    const at = cursor.pos;
    commands.push({ command: NAMES[type] ?? 'unknown', type, mustProcess: (word & MUST_PROCESS) !== 0, fields: fieldsOf(block, type, at) });
    cursor.skip(length);
    if ((word & COMMAND_END) !== 0) return cursor.remaining === 0 ? commands : null;
  }
  return null;
}

function fieldsOf(block: Block, type: number, at: number): Readonly<Record<string, Value>> {
  const { view } = block;
  const syntax = (from: number): Value => ({ uuid: guidAt(view, from, true), major: view.getUint16(from + 16, true), minor: view.getUint16(from + 18, true) });
  switch (type) {
    case 1:
      return { bits: view.getUint32(at, true) };
    case 2:
      return { interface: syntax(at), transfer: syntax(at + 20) };
    case 3: {
      const little = (view.getUint8(at + 4) & 0x10) !== 0;
      return {
        ptype: view.getUint8(at), drep: view.getUint32(at + 4), callId: view.getUint32(at + 8, little), contextId: view.getUint16(at + 12, little), opnum: view.getUint16(at + 14, little),
      };
    }
    default:
      return {};
  }
}
