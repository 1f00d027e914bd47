/** Names near `wanted`, nearest first: at most three, within a third of its length. Case counts for nothing. */
export function suggest(wanted: string, names: readonly string[]): readonly string[] {
  const low = wanted.toLowerCase().slice(0, 64);
  const limit = Math.max(1, Math.floor(low.length / 3));
  return names
    .map((name) => {
      const candidate = name.toLowerCase();
      const apart = candidate.startsWith(low) && low.length >= 2 ? 0.5 : distance(low, candidate);
      return { name, apart };
    })
    .filter((entry) => entry.apart <= limit)
    .toSorted((a, b) => a.apart - b.apart || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map((entry) => entry.name);
}

/** Edit distance with transpositions of neighbours counted as one. */
function distance(a: string, b: string): number {
  let previous: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (previous[j - 2] ?? 0) + 1);
      next.push(best);
    }
    previous = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
