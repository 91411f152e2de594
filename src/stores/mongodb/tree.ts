// Subdocuments and arrays as JSON trees, for json, array and vector fields. Dates become text as JSON.stringify writes them, numbers
// keep every digit; what JSON has no word for is a ValueError.

import { fromBytes, fromDecimalText, fromMillis, fromNumber, fromUuidText, ValueError } from '../../value/canonical.ts';
import type { FieldKind } from '../../value/field-type.ts';
import type { JsonTree } from '../../value/json.ts';
import {
  ARRAY,
  BINARY,
  BOOLEAN,
  bigInt64At,
  binaryAt,
  DATE,
  DECIMAL,
  DOUBLE,
  doubleAt,
  INT32,
  INT64,
  int32At,
  int64At,
  isNull,
  OBJECT,
  OBJECT_ID,
  STRING,
  SYMBOL,
  sizeOf,
  typeName,
  UUID_SUBTYPE,
} from './bson.ts';
import { decimalText } from './decimal.ts';

/** `kind` is what the leaves are to be: `json` for any. */
export function treeAt(type: number, bytes: Buffer, at: number, kind: FieldKind): JsonTree {
  if (type === ARRAY) {
    const items: JsonTree[] = [];
    for (const element of elementsAt(bytes, at)) items.push(treeAt(element.type, bytes, element.at, kind));
    return items;
  }
  if (isNull(type)) return null;
  if (kind === 'text' && type !== STRING && type !== SYMBOL && type !== OBJECT_ID) {
    throw new ValueError(`an element is ${typeName(type)}`);
  }
  switch (type) {
    case OBJECT: {
      const members = new Map<string, JsonTree>();
      for (const { type: inner, name, at: place } of elementsAt(bytes, at)) {
        members.set(name(), treeAt(inner, bytes, place, kind));
      }
      return { members };
    }
    case STRING:
    case SYMBOL:
      return textAt(bytes, at);
    case BOOLEAN:
      return bytes[at] !== 0;
    case INT32:
      return { number: String(int32At(bytes, at)) };
    case INT64:
      return { number: String(bigInt64At(bytes, at)) };
    case DOUBLE:
      return numberTree(fromNumber(doubleAt(bytes, at)), kind);
    case DECIMAL:
      return numberTree(fromDecimalText(decimalText(bytes, at)), kind);
    case DATE:
      // fromMillis writes six digits, JSON.stringify three.
      return fromMillis(int64At(bytes, at), 3).replace(/000Z$/, 'Z');
    case OBJECT_ID:
      return fromBytes(bytes.subarray(at, at + 12));
    case BINARY: {
      const data = binaryAt(bytes, at);
      if (kind === 'bytes') return fromBytes(data);
      return bytes[at + 4] === UUID_SUBTYPE ? fromUuidText(fromBytes(data)) : data.toString('base64');
    }
    default:
      throw new ValueError(`${typeName(type)} has no form in JSON`);
  }
}

/** Throws ValueError where the bytes are not UTF-8: a replaced character might equal one that stands in the source. */
export function textAt(bytes: Buffer, at: number): string {
  const start = at + 4;
  const end = start + int32At(bytes, at) - 1;
  const text = bytes.toString('utf8', start, end);
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes.subarray(start, end))) {
    throw new ValueError('it is not UTF-8');
  }
  return text;
}

function numberTree(text: string, kind: FieldKind): JsonTree {
  if (/^-?\d/.test(text)) return { number: text };
  // JSON.stringify would write null, which may be what the source holds.
  if (kind === 'json') throw new ValueError(`${text} has no form in JSON`);
  return text;
}

interface Element {
  readonly type: number;
  readonly name: () => string;
  readonly at: number;
}

/** The elements of the document or array at `at`, in order. */
export function* elementsAt(bytes: Buffer, start: number): Generator<Element> {
  let at = start + 4;
  for (let type = bytes[at]!; type !== 0; type = bytes[at]!) {
    const nameStart = at + 1;
    const nameEnd = bytes.indexOf(0, nameStart);
    at = nameEnd + 1;
    yield { type, name: () => bytes.toString('utf8', nameStart, nameEnd), at };
    at += sizeOf(type, bytes, at);
  }
}
