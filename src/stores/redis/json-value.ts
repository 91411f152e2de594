// A located piece of JSON as a canonical value, and back: the literal that takes its place.

import type { Field } from '../../mapping/mapping.ts';
import { fromArray, fromDecimalText, fromFloat, fromNumber, fromText, ValueError } from '../../value/canonical.ts';
import { canonicalJson, parseJson, writeJson } from '../../value/json.ts';
import { decodeText } from './decode.ts';
import { encodeText } from './encode.ts';
import { JsonLocator, type Place, stringAt, type TokenKind, textAt } from './json-text.ts';

/** Null for null and for what is not there. Throws ValueError. */
export function decodePlace(field: Field, bytes: Buffer, place: Place): string | null {
  const { type } = field;
  const { kind } = place;
  if (kind === 'absent' || kind === 'null') return null;
  if (type.kind === 'json' && kind !== 'through array' && !(kind === 'string' && field.storedAs === 'string')) {
    if (kind === 'string') return writeJson(stringAt(bytes, place));
    return canonicalJson(textAt(bytes, place));
  }
  switch (kind) {
    case 'string':
      return decodeText(field, stringAt(bytes, place));
    case 'number':
      return fromLiteral(field, textAt(bytes, place));
    case 'true':
    case 'false':
      if (type.kind === 'boolean' || type.kind === 'enum') return kind;
      break;
    case 'array':
      if (type.kind === 'array' || type.kind === 'vector') {
        return fromArray(type, parseJson(textAt(bytes, place)));
      }
      break;
  }
  throw new ValueError('');
}

function fromLiteral(field: Field, literal: string): string {
  const { type } = field;
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'enum':
      return fromDecimalText(literal);
    case 'float': {
      const number = Number(literal);
      if (!Number.isFinite(number)) throw new ValueError(`${literal} is more than a float holds`);
      return fromFloat(number, type.bits);
    }
    case 'boolean':
      return fromText(type, fromDecimalText(literal));
    case 'timestamp':
    case 'date':
      if (field.storedAs?.startsWith('epoch')) return decodeText(field, literal);
      throw new ValueError('a number needs `type: epochMillis` or another unit');
    default:
      throw new ValueError('');
  }
}

/** What the field holds, here or in another record. */
export interface Sample {
  readonly kind: TokenKind;
  /** Of a string, what it says. */
  readonly text?: string;
}

export function sampleAt(bytes: Buffer, place: Place): Sample {
  return { kind: place.kind, text: place.kind === 'string' ? stringAt(bytes, place) : undefined };
}

/** The literal that reads back as the value. Throws ValueError where none does. */
export function encodeLiteral(field: Field, value: string | null, sample: Sample | undefined): string {
  if (value === null) return 'null';
  for (const literal of [literalOf(field, value, sample), literalOf(field, value, undefined)]) {
    if (readsAs(field, literal, value)) return literal;
  }
  throw new ValueError(
    field.storedAs === undefined ? 'it can’t be held in JSON' : `it can’t be held as ${field.storedAs}`,
  );
}

function literalOf(field: Field, value: string, sample: Sample | undefined): string {
  const { type, storedAs, map } = field;
  if (map !== undefined) {
    for (const mapped of map.values()) {
      if (String(mapped) === value) return typeof mapped === 'number' ? fromNumber(mapped) : JSON.stringify(mapped);
    }
  }
  const isText = storedAs === 'string' || (storedAs !== 'number' && sample?.kind === 'string');
  const asText = () => JSON.stringify(encodeText(field, value, sample?.text));
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
      return isText || !/^-?\d/.test(value) ? asText() : value;
    case 'boolean':
      if (isText) return asText();
      return sample?.kind === 'number' || storedAs === 'number' ? (value === 'true' ? '1' : '0') : value;
    case 'enum':
      if (sample?.kind === 'number' && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value)) return value;
      return (sample?.kind === 'true' || sample?.kind === 'false') && /^(true|false)$/.test(value) ? value : asText();
    case 'timestamp':
    case 'date':
      return storedAs?.startsWith('epoch') && sample?.kind !== 'string' ? encodeText(field, value) : asText();
    case 'json':
      return storedAs === 'string' ? JSON.stringify(value) : value;
    case 'array':
    case 'vector':
      return isText ? JSON.stringify(value) : value;
    default:
      return asText();
  }
}

function readsAs(field: Field, literal: string, value: string): boolean {
  const locator = new JsonLocator(['v']);
  const bytes = Buffer.from(`{"v":${literal}}`);
  try {
    locator.locate(bytes);
    return decodePlace(field, bytes, locator.places[0]!) === value;
  } catch (error) {
    if (error instanceof ValueError) return false;
    throw error;
  }
}
