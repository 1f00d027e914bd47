/** Where a clock puts what it read: one object for all packets, so that none is made for each. */
interface MomentSlot {
  timeS: number;
  timeNs: number;
}

/** Turns the 64-bit ticks of an interface (as two 32-bit halves) into seconds and nanoseconds, exactly. */
export interface Clock {
  read(high: number, low: number, into: MomentSlot): void;
}

/** Seconds for 2^32 ticks of such a clock still fit a double, whatever `high` is. */
const FEWEST_TICKS = 10_000;
const MOST_TICKS = 1_000_000_000;

/**
 * The clock of an if_tsresol (draft-ietf-opsawg-pcapng 4.2: the power of ten, or of two with the top bit set, by which
 * a second is divided) and an if_tsoffset in seconds. Resolutions of 10^-4 to 10^-9 s need no bigint.
 */
export function clockOf(resolution: number, offsetS: number): Clock {
  const power = resolution & 0x7f;
  if ((resolution & 0x80) !== 0) return new WideClock(1n << BigInt(power), offsetS);
  const ticks = 10 ** power;
  return ticks >= FEWEST_TICKS && ticks <= MOST_TICKS
    ? new DecimalClock(ticks, offsetS)
    : new WideClock(10n ** BigInt(power), offsetS);
}

/** A power of ten that divides 10^9: 2^32 ticks are `q` seconds and `r` ticks, and no intermediate passes 2^53. */
class DecimalClock implements Clock {
  private readonly ticks: number;
  private readonly nanoFactor: number;
  private readonly q: number;
  private readonly r: number;
  private readonly offsetS: number;

  constructor(ticks: number, offsetS: number) {
    this.ticks = ticks;
    this.nanoFactor = MOST_TICKS / ticks;
    this.q = Math.floor(0x1_0000_0000 / ticks);
    this.r = 0x1_0000_0000 - this.q * ticks;
    this.offsetS = offsetS;
  }

  read(high: number, low: number, into: MomentSlot): void {
    const { ticks, r } = this;
    // `high` in two halves: high * r + low may take 62 bits.
    const upper = (high >>> 16) * r;
    const upperS = Math.floor(upper / ticks);
    const rest = (upper - upperS * ticks) * 0x1_0000 + (high & 0xffff) * r + low;
    const restS = Math.floor(rest / ticks);
    into.timeS = high * this.q + upperS * 0x1_0000 + restS + this.offsetS;
    into.timeNs = ((rest - restS * ticks) * this.nanoFactor) | 0;
  }
}

/** Any other division of the second; such files are rare. */
class WideClock implements Clock {
  private readonly perSecond: bigint;
  private readonly offsetS: number;

  constructor(perSecond: bigint, offsetS: number) {
    this.perSecond = perSecond;
    this.offsetS = offsetS;
  }

  read(high: number, low: number, into: MomentSlot): void {
    const all = (BigInt(high) << 32n) | BigInt(low);
    into.timeS = Number(all / this.perSecond) + this.offsetS;
    into.timeNs = Number(((all % this.perSecond) * 1_000_000_000n) / this.perSecond);
  }
}

/** Without if_tsresol, a tick is a microsecond. */
export const MICROSECONDS: Clock = clockOf(6, 0);
