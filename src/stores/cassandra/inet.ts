// Internet addresses in bytes and as PostgreSQL writes those of a single host: `10.0.0.1`, `2001:db8::1`.

import { isIP } from 'node:net';
import { ValueError } from '../../value/canonical.ts';

export function inetText(bytes: Buffer, at: number, length: number): string {
  if (length === 4) return [...bytes.subarray(at, at + 4)].join('.');
  if (length !== 16) throw new ValueError('it is not an address');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + 2 * i));
  if (groups.slice(0, 5).every((group) => group === 0) && (groups[5] === 0xffff || isOldMapped(groups))) {
    const tail = [...bytes.subarray(at + 12, at + 16)].join('.');
    return groups[5] === 0xffff ? `::ffff:${tail}` : `::${tail}`;
  }
  const [start, count] = longestZeros(groups);
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (count < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + count))}`;
}

/** `::1.2.3.4`, but not `::` and `::1`. */
function isOldMapped(groups: readonly number[]): boolean {
  return groups[5] === 0 && groups[6] !== 0;
}

function longestZeros(groups: readonly number[]): readonly [start: number, count: number] {
  let best: readonly [number, number] = [0, 0];
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > best[1]) best = [start, end - start];
  }
  return best;
}

export function inetBytes(text: string): Buffer {
  const version = isIP(text);
  if (version === 4) return Buffer.from(text.split('.').map(Number));
  if (version !== 6 || text.includes('%')) throw new ValueError('it is not the address of one host');
  // The last 32 bits may be spelled as an IPv4 address.
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts) => {
    const [a, b, c, d] = parts.slice(0, 4).map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const middle = new Array<number>(8 - before.length - after.length).fill(0);
  return Buffer.from([...before, ...middle, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}
