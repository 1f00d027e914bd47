const UNITS = 4096;

/** Text of `count` UTF-16 code units at `at`. Lone surrogates and NULs stay as they are. */
export function utf16Text(view: DataView, at: number, count: number, littleEndian: boolean): string {
  if (count < 48) {
    let text = '';
    for (let i = 0, p = at; i < count; i++, p += 2) text += String.fromCharCode(view.getUint16(p, littleEndian));
    return text;
  }
  let text = '';
  for (let from = 0; from < count; from += UNITS) {
    const size = Math.min(UNITS, count - from);
    const units = new Uint16Array(size);
    for (let i = 0, p = at + from * 2; i < size; i++, p += 2) units[i] = view.getUint16(p, littleEndian);
    text += String.fromCharCode.apply(null, units as unknown as number[]);
  }
  return text;
}

/** Text of bytes, one character a byte: `char` has no character set on the wire. */
export function latin1Text(u8: Uint8Array, at: number, count: number): string {
  let text = '';
  for (let i = at; i < at + count; i++) text += String.fromCharCode(u8[i] as number);
  return text;
}
