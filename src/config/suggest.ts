// "Did you mean": the known word nearest to what was written. Pure.

/** The nearest of `known` within a third of the word's length (at least one edit), or one that begins alike. Case does not count. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const edits = distance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (edits < least) {
      best = candidate;
      least = edits;
    }
  }
  return best ?? known.find((candidate) => isBeginning(word.toLowerCase(), candidate.toLowerCase()));
}

/** `mongo` for `mongodb`, `postgresql` for `postgres`. */
function isBeginning(word: string, candidate: string): boolean {
  if (Math.min(word.length, candidate.length) < 4) return false;
  return candidate.startsWith(word) || word.startsWith(candidate);
}

/** Edits (insert, delete, replace, swap of neighbours) from `a` to `b`: optimal string alignment. Stops early at `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        next[j] = Math.min(next[j]!, before[j - 2]! + 1);
      }
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
}
