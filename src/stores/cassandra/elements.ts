// A collection's bytes as those of its elements, and back. Layout: CQL binary protocol v4, section 6.

import type { CqlType } from './cql-type.ts';
import { int32At } from './numbers.ts';

/** One for each element; of a map, its key and its value. Each with its length before it. */
export function splitElements({ name }: CqlType, bytes: Buffer): readonly (readonly Buffer[])[] {
  const parts = name === 'map' ? 2 : 1;
  const elements: Buffer[][] = [];
  let at = 4;
  for (let count = int32At(bytes, 0); count > 0; count--) {
    const element: Buffer[] = [];
    for (let part = 0; part < parts; part++) {
      const end = at + 4 + Math.max(int32At(bytes, at), 0);
      element.push(bytes.subarray(at, end));
      at = end;
    }
    elements.push(element);
  }
  return elements;
}

export function joinElements(elements: readonly (readonly Buffer[])[]): Buffer {
  const count = Buffer.alloc(4);
  count.writeInt32BE(elements.length);
  return Buffer.concat([count, ...elements.flat()]);
}
