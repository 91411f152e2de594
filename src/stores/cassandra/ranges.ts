// Splits the ring of tokens into ranges that cover it exactly once. Pure.

import { int64Bytes, varintAt, varintBytes } from './numbers.ts';

/** Tokens above `after` up to and including `upTo`, as bytes; undefined: from the ring's beginning, or to its end. */
export interface TokenRange {
  readonly after: Buffer | undefined;
  readonly upTo: Buffer | undefined;
}

interface Ring {
  readonly first: bigint;
  readonly size: bigint;
  readonly bytes: (token: bigint) => Buffer;
}

const RINGS: ReadonlyMap<string, Ring> = new Map([
  ['Murmur3Partitioner', { first: -(2n ** 63n), size: 2n ** 64n, bytes: int64Bytes }],
  ['RandomPartitioner', { first: 0n, size: 2n ** 127n, bytes: varintBytes }],
]);

/**
 * The ends stay open, so that no token is left out whatever the partitioner counts as its smallest and largest. A ring of unknown size is
 * one range.
 */
export function tokenRanges(partitioner: string, count: number): readonly TokenRange[] {
  const ring = RINGS.get(partitioner);
  if (ring === undefined) return [{ after: undefined, upTo: undefined }];
  const cuts = Array.from({ length: count - 1 }, (_, i) =>
    ring.bytes(ring.first + (ring.size * BigInt(i + 1)) / BigInt(count)),
  );
  return Array.from({ length: count }, (_, i) => ({ after: cuts[i - 1], upTo: cuts[i] }));
}

/** How much of the ring lies up to this token, more than 0; undefined where nobody can tell. */
export function shareUpTo(partitioner: string, token: Buffer): number | undefined {
  const ring = RINGS.get(partitioner);
  if (ring === undefined) return undefined;
  const distance = varintAt(token, 0, token.length) - ring.first;
  return Math.max(Number(distance) / Number(ring.size), Number.EPSILON);
}

/** No record lies beyond it; undefined where nobody can tell. */
export function lastToken(partitioner: string): Buffer | undefined {
  const ring = RINGS.get(partitioner);
  return ring?.bytes(ring.first + ring.size - 1n);
}
