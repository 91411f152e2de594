// Collections, tuples, user-defined types and vectors as JSON trees, for json, array and vector fields. Numbers keep every digit; what
// JSON has no word for is a ValueError. Layouts: CQL binary protocol v4, section 6; a vector's is that of the server's VectorType.

import { fromBytes, fromDecimalText, fromFloat, fromNumber, fromUuidText, ValueError } from '../../value/canonical.ts';
import type { FieldKind } from '../../value/field-type.ts';
import type { JsonTree } from '../../value/json.ts';
import type { CqlType } from './cql-type.ts';
import { durationText, timeText, unsignedAt } from './durations.ts';
import { inetText } from './inet.ts';
import { decimalText, int32At, int64Text, varintText } from './numbers.ts';
import { dateText, lengthOf, textAt, timestampText } from './scalars.ts';

/** `kind` is what the leaves are to be: `json` for any. */
export function treeAt(type: CqlType, bytes: Buffer, at: number, length: number, kind: FieldKind): JsonTree {
  switch (type.name) {
    case 'list':
    case 'set': {
      const { items } = itemsAt(bytes, at + 4, int32At(bytes, at));
      return items.map((item) => itemTree(type.element, bytes, item, kind));
    }
    case 'map': {
      const { items } = itemsAt(bytes, at + 4, 2 * int32At(bytes, at));
      const members = new Map<string, JsonTree>();
      for (let i = 0; i < items.length; i += 2) {
        const name = itemTree(type.key, bytes, items[i]!, 'json');
        members.set(memberName(name), itemTree(type.value, bytes, items[i + 1]!, kind));
      }
      return { members };
    }
    case 'tuple':
      return partsAt(bytes, at, length, type.elements.length).map((item, i) =>
        itemTree(type.elements[i]!, bytes, item, kind),
      );
    case 'udt': {
      const parts = partsAt(bytes, at, length, type.fields.length);
      return {
        members: new Map(type.fields.map((field, i) => [field.name, itemTree(field.type, bytes, parts[i]!, kind)])),
      };
    }
    case 'vector':
      return vectorItems(type.element, type.size, bytes, at).map((item) => itemTree(type.element, bytes, item, kind));
    default:
      return leafAt(type, bytes, at, length, kind);
  }
}

interface Item {
  readonly at: number;
  /** Negative: null. */
  readonly length: number;
}

function itemTree(type: CqlType, bytes: Buffer, { at, length }: Item, kind: FieldKind): JsonTree {
  if (length < 0 || (length === 0 && lengthOf(type) !== undefined)) return null;
  return treeAt(type, bytes, at, length, kind);
}

function itemsAt(bytes: Buffer, start: number, count: number): { readonly items: readonly Item[] } {
  const items: Item[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const length = int32At(bytes, at);
    items.push({ at: at + 4, length });
    at += 4 + Math.max(length, 0);
  }
  return { items };
}

/** Parts that were added to a type later are absent from values that are older: null. */
function partsAt(bytes: Buffer, start: number, length: number, count: number): readonly Item[] {
  const items: Item[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at >= start + length) {
      items.push({ at, length: -1 });
      continue;
    }
    const size = int32At(bytes, at);
    items.push({ at: at + 4, length: size });
    at += 4 + Math.max(size, 0);
  }
  return items;
}

function vectorItems(element: CqlType, size: number, bytes: Buffer, start: number): readonly Item[] {
  const fixed = vectorLength(element);
  const items: Item[] = [];
  let at = start;
  for (let i = 0; i < size; i++) {
    if (fixed !== undefined) items.push({ at, length: fixed });
    else {
      const [length, begins] = unsignedAt(bytes, at);
      items.push({ at: begins, length: Number(length) });
    }
    const last = items.at(-1)!;
    at = last.at + last.length;
  }
  return items;
}

/** Elements of these types stand in a vector without a length. The server counts some types of fixed length among the others. */
export function vectorLength(element: CqlType): number | undefined {
  switch (element.name) {
    case 'boolean':
    case 'int':
    case 'bigint':
    case 'float':
    case 'double':
    case 'timestamp':
    case 'uuid':
    case 'timeuuid':
      return lengthOf(element);
    case 'vector': {
      const inner = vectorLength(element.element);
      return inner === undefined ? undefined : inner * element.size;
    }
    default:
      return undefined;
  }
}

function leafAt(type: CqlType, bytes: Buffer, at: number, length: number, kind: FieldKind): JsonTree {
  if (kind === 'text' && !TEXTS.has(type.name)) throw new ValueError(`an element is ${type.name}`);
  switch (type.name) {
    case 'text':
    case 'ascii':
      return textAt(bytes, at, length);
    case 'int':
      return { number: String(int32At(bytes, at)) };
    case 'smallint':
      return { number: String(bytes.readInt16BE(at)) };
    case 'tinyint':
      return { number: String(bytes.readInt8(at)) };
    case 'bigint':
      return { number: int64Text(bytes, at) };
    case 'varint':
      return { number: varintText(bytes, at, length) };
    case 'decimal':
      return { number: fromDecimalText(decimalText(bytes, at, length)) };
    case 'double':
      return numberTree(fromNumber(bytes.readDoubleBE(at)), kind);
    case 'float':
      return numberTree(fromDecimalText(fromFloat(bytes.readFloatBE(at), 32)), kind);
    case 'boolean':
      return bytes[at] !== 0;
    case 'timestamp':
      // Canonical timestamps have six digits, JSON.stringify writes three.
      return kind === 'json' ? timestampText(bytes, at, 3).replace(/000Z$/, 'Z') : timestampText(bytes, at, 3);
    case 'date':
      return dateText(bytes, at);
    case 'time':
      return timeText(bytes, at);
    case 'uuid':
    case 'timeuuid':
      return fromUuidText(fromBytes(bytes.subarray(at, at + 16)));
    case 'blob':
      // In JSON as the server's own toJson() spells it.
      return `${kind === 'json' ? '0x' : ''}${fromBytes(bytes.subarray(at, at + length))}`;
    case 'inet':
      return inetText(bytes, at, length);
    case 'duration':
      return durationText(bytes, at);
    default:
      throw new ValueError(`${type.name} has no form in JSON`);
  }
}

const TEXTS = new Set<CqlType['name']>(['text', 'ascii', 'uuid', 'timeuuid', 'inet', 'time']);

function numberTree(text: string, kind: FieldKind): JsonTree {
  if (/^-?\d/.test(text)) return { number: text };
  // JSON.stringify would write null, which may be what the source holds.
  if (kind === 'json') throw new ValueError(`${text} has no form in JSON`);
  return text;
}

/** A map's key as a member's name: what is no text is written out. */
function memberName(tree: JsonTree): string {
  if (typeof tree === 'string') return tree;
  if (typeof tree === 'boolean') return String(tree);
  if (tree !== null && typeof tree === 'object' && 'number' in tree) return tree.number;
  throw new ValueError('a key of the map is not plain');
}
