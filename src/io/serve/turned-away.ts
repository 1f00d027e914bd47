import { ADMISSION_LIMITS, type TurnedAway } from './admission.js';

const { connections, connectionsPerAddress, startupsPerAddress, graceMs } = ADMISSION_LIMITS;

const WORDS: Readonly<Record<TurnedAway, string>> = {
  connections: `refused: ${connections} were open`,
  'connections-of-address': `refused: ${connectionsPerAddress} of one address were open`,
  'startups-of-address': `refused: ${startupsPerAddress} of one address were open on which nobody had signed in`,
  oldest: 'ended for newer ones, nobody having signed in on them',
  grace: `ended: there was no call within ${graceMs / 1000} s`,
};

/** Connections that a server did not take or keep, counted by why: told when it first happens, and at the end. */
export class TurnedAwayCounts {
  private readonly counts = new Map<TurnedAway, number>();
  private readonly tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.tell = tell;
  }

  add(why: TurnedAway, address: string): void {
    const before = this.counts.get(why) ?? 0;
    this.counts.set(why, before + 1);
    if (before === 0) this.tell(`! a connection of ${address} was ${WORDS[why]}; further ones are counted`);
  }

  /** What it came to; empty where nobody was turned away. */
  lines(): readonly string[] {
    return [...this.counts].map(([why, count]) => `! ${count} connections were ${WORDS[why]}`);
  }
}
