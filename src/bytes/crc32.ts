const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value >>> 0;
});

/** CRC-32 as in ISO-HDLC, zip and Ethernet (polynomial 0x04c11db7, reflected); `crc` goes on from an earlier result. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, crc = 0): number {
  let value = ~crc;
  for (let i = start; i < end; i++) value = (value >>> 8) ^ (TABLE[(value ^ (bytes[i] as number)) & 0xff] as number);
  return ~value >>> 0;
}
