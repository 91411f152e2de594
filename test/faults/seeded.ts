// Choices that are the same for the same seed.

export interface Seeded {
  /** From 0 up to, but without, `end`. */
  below(end: number): number;
  pick<T>(choices: readonly T[]): T;
  /** True in so many of a hundred cases. */
  percent(share: number): boolean;
}

/** mulberry32: small, and good enough to choose by. */
export function seeded(seed: number): Seeded {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    below,
    pick: (choices) => choices[below(choices.length)]!,
    percent: (share) => next() * 100 < share,
  };
}
