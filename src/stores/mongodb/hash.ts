// Digests of raw documents: what src/value/row-hash.ts says of canonical values, computed where the values lie in the reply's bytes.
// The usual pairs of field type and BSON type have a short way here; every other pair is decoded and hashed as its canonical text.

import { type Field, keyText, type Mapping, type Row } from '../../mapping/mapping.ts';
import { floatOfText } from '../../value/canonical.ts';
import { type Chain, makeChain, seedHalves } from '../../value/chain.ts';
import type { HashScheme } from '../../value/digest.ts';
import { Lookup3Chain } from '../../value/lookup3.ts';
import {
  addNeutral,
  FLAGS_PER_WORD,
  hashesAsFloat,
  hashKey,
  hashValues,
  NULL_FLAG,
  secondsToHash,
  ZERO_FLAG,
} from '../../value/row-hash.ts';
import {
  BINARY,
  BOOLEAN,
  DATE,
  DECIMAL,
  DOUBLE,
  doubleAt,
  INT32,
  INT64,
  int32At,
  int64At,
  isNull,
  STRING,
  UUID_SUBTYPE,
} from './bson.ts';
import { decimalText } from './decimal.ts';
import { canonicalAt, type Decoder } from './decode.ts';
import { isoSeconds, isUuidText, lowerInto, uuidInto } from './text-bytes.ts';

type Way = 'text' | 'lower' | 'padded' | 'boolean' | 'integer' | 'float' | 'date' | 'decimal' | 'uuid' | 'slow';

interface Step {
  readonly field: Field;
  readonly slot: number;
  readonly way: Way;
  readonly isFloat: boolean;
  readonly isLong: boolean;
  /** The field alone, as a mapping whose key's hash is the field's. */
  readonly alone: Mapping;
}

const DAY_MS = 86_400_000;
/** The year 2255: up to here a time's microseconds are exact in a double. */
const EXACT_MILLIS = 9e12;

/** Hashes one document at a time; the result is in `keyHigh` … `rowLow`. */
export class RecordHasher {
  keyHigh = 0;
  keyLow = 0;
  rowHigh = 0;
  rowLow = 0;
  private readonly chain: Chain;
  private readonly seed: readonly [number, number];
  private readonly decoder: Decoder;
  private readonly mapping: Mapping;
  private readonly keySteps: readonly Step[];
  private readonly steps: readonly Step[];
  private readonly numbers: Float64Array;
  private readonly scratch = Buffer.allocUnsafe(64);
  private lower = Buffer.allocUnsafe(1024);

  constructor(mapping: Mapping, decoder: Decoder, scheme: HashScheme) {
    this.mapping = mapping;
    this.decoder = decoder;
    this.chain = makeChain(scheme);
    this.seed = seedHalves(scheme);
    this.keySteps = mapping.key.map((field, i) => makeStep(field, decoder.keySlots[i]!));
    this.steps = mapping.fields.map((field, i) => makeStep(field, decoder.fieldSlots[i]!));
    this.numbers = new Float64Array(mapping.fields.length);
  }

  /**
   * Hashes the key and, unless `wants` says no to it, the row. Returns `skipped` when it did, the reason when the record can't be
   * compared, undefined when all is well.
   */
  hash(bytes: Buffer, start: number, wants?: (keyLow: number) => boolean): string | undefined {
    // A chain of md5 can't be taken up again in the middle, which the way round by canonical text needs.
    if (!(this.chain instanceof Lookup3Chain)) return this.hashRow(this.decoder.row(bytes, start), wants);
    this.decoder.locator.locate(bytes, start);
    try {
      this.addKey(this.chain, bytes);
      if (wants !== undefined && !wants(this.keyLow)) return SKIPPED;
      this.addValues(this.chain, bytes);
    } catch {
      // Whatever it was, decoding the whole record meets it again, and says which field and why.
      return this.hashRow(this.decoder.row(bytes, start), wants);
    }
    return undefined;
  }

  private hashRow(row: Row, wants: ((keyLow: number) => boolean) | undefined): string | undefined {
    const { chain } = this;
    if (row.unread === undefined) hashKey(chain, this.seed, this.mapping, row.key);
    else {
      // What could be read of the key tells where the record is counted: in one bucket, always the same.
      chain.begin(this.seed[0], this.seed[1]);
      chain.text(keyText(row.key));
      chain.end();
    }
    this.keyHigh = chain.high;
    this.keyLow = chain.low;
    if (wants !== undefined && !wants(this.keyLow)) return SKIPPED;
    if (row.unread === undefined) hashValues(chain, this.keyHigh, this.keyLow, this.mapping, row.values);
    this.rowHigh = chain.high;
    this.rowLow = chain.low;
    return row.unread;
  }

  private addKey(chain: Lookup3Chain, bytes: Buffer): void {
    const { types, offsets } = this.decoder.locator;
    chain.begin(this.seed[0], this.seed[1]);
    for (let i = 0; i < this.keySteps.length; i++) {
      const step = this.keySteps[i]!;
      const type = types[step.slot]!;
      if (isNull(type)) throw new Error('a key without a value');
      if (step.isFloat) chain.float64(floatOf(step, type, bytes, offsets[step.slot]!));
      else this.addValue(chain, step, type, bytes, offsets[step.slot]!);
    }
    chain.end();
    this.keyHigh = chain.high;
    this.keyLow = chain.low;
  }

  private addValues(chain: Lookup3Chain, bytes: Buffer): void {
    const steps = this.steps;
    const numbers = this.numbers;
    const { types, offsets } = this.decoder.locator;
    chain.begin(this.keyHigh, this.keyLow);
    for (let from = 0; from < steps.length; from += FLAGS_PER_WORD) {
      const to = Math.min(from + FLAGS_PER_WORD, steps.length);
      let flags = 0;
      for (let i = from; i < to; i++) {
        const step = steps[i]!;
        const type = types[step.slot]!;
        if (isNull(type)) flags |= NULL_FLAG << (2 * (i - from));
        else if (step.isFloat) {
          const number = floatOf(step, type, bytes, offsets[step.slot]!);
          numbers[i] = number;
          if (number === 0) flags |= ZERO_FLAG << (2 * (i - from));
        }
      }
      chain.int32(flags);
      for (let i = from; i < to; i++) {
        const step = steps[i]!;
        const type = types[step.slot]!;
        if (isNull(type)) addNeutral(chain, step.field);
        else if (step.isFloat) chain.float64(numbers[i]!);
        else this.addValue(chain, step, type, bytes, offsets[step.slot]!);
      }
    }
    chain.end();
    this.rowHigh = chain.high;
    this.rowLow = chain.low;
  }

  private addValue(chain: Lookup3Chain, step: Step, type: number, bytes: Buffer, at: number): void {
    switch (step.way) {
      case 'text':
        if (type !== STRING) break;
        chain.bytes(bytes, at + 4, int32At(bytes, at) - 1);
        return;
      case 'lower': {
        if (type !== STRING) break;
        const length = int32At(bytes, at) - 1;
        if (this.lower.length < length) this.lower = Buffer.allocUnsafe(2 * length);
        lowerInto(this.lower, bytes, at + 4, length);
        chain.bytes(this.lower, 0, length);
        return;
      }
      case 'padded': {
        if (type !== STRING) break;
        let length = int32At(bytes, at) - 1;
        while (length > 0 && bytes[at + 3 + length] === 32) length--;
        chain.bytes(bytes, at + 4, length);
        return;
      }
      case 'boolean':
        if (type !== BOOLEAN) break;
        chain.int32(bytes[at] === 0 ? 0 : 1);
        return;
      case 'integer':
        if (!addInteger(chain, step.isLong, type, bytes, at)) break;
        return;
      case 'date': {
        const millis = type === DATE ? int64At(bytes, at) : Number.NaN;
        if (!(Math.abs(millis) < EXACT_MILLIS)) break;
        chain.int32(Math.floor(millis / DAY_MS));
        return;
      }
      case 'decimal': {
        const text = plainDecimal(type, bytes, at);
        if (text === undefined) break;
        chain.bytes(this.scratch, 0, this.scratch.write(text, 'latin1'));
        return;
      }
      case 'uuid':
        if (type === STRING && isUuidText(bytes, at)) chain.bytes(bytes, at + 4, 36);
        else if (type === BINARY && bytes[at + 4] === UUID_SUBTYPE && int32At(bytes, at) === 16) {
          uuidInto(this.scratch, bytes, at + 5);
          chain.bytes(this.scratch, 0, 36);
        } else break;
        return;
    }
    // A chain is its state, so a key of this one field that begins with it goes on where the record's hash stands.
    const { field } = step;
    const text = canonicalAt(field.type, field.storedAs, type, bytes, at);
    hashKey(chain, [chain.high, chain.low], step.alone, [text]);
  }
}

export const SKIPPED = 'skipped';

function makeStep(field: Field, slot: number): Step {
  return {
    field,
    slot,
    way: wayOf(field),
    isFloat: hashesAsFloat(field),
    isLong: field.type.kind === 'integer' && field.type.bits === 64,
    alone: { key: [field], fields: [] },
  };
}

function wayOf(field: Field): Way {
  if (field.tolerance !== undefined) return 'slow';
  const { type } = field;
  switch (type.kind) {
    case 'text':
      return type.padded ? (field.ignoreCase ? 'slow' : 'padded') : field.ignoreCase ? 'lower' : 'text';
    case 'enum':
      return field.ignoreCase ? 'lower' : 'text';
    case 'boolean':
    case 'integer':
    case 'date':
      return type.kind;
    case 'float':
    case 'timestamp':
      return 'float';
    case 'decimal':
    case 'uuid':
      return field.ignoreCase ? 'slow' : type.kind;
    default:
      return 'slow';
  }
}

/** The number that a float or a timestamp is hashed as. */
function floatOf(step: Step, type: number, bytes: Buffer, at: number): number {
  const fieldType = step.field.type;
  if (fieldType.kind === 'timestamp') {
    const { precision } = fieldType;
    if (type === DATE && precision >= 3) {
      const millis = int64At(bytes, at);
      if (Math.abs(millis) < EXACT_MILLIS) return (millis * 1000) / 1_000_000;
    }
    if (type === STRING) {
      const seconds = isoSeconds(bytes, at + 4, int32At(bytes, at) - 1, precision);
      if (seconds !== undefined) return seconds;
    }
    return secondsToHash(canonicalAt(fieldType, undefined, type, bytes, at));
  }
  const isSingle = fieldType.kind === 'float' && fieldType.bits === 32;
  if (type === DOUBLE || type === INT32) {
    const number = type === DOUBLE ? doubleAt(bytes, at) : int32At(bytes, at);
    return isSingle ? Math.fround(number) : number;
  }
  const number = floatOfText(canonicalAt(fieldType, undefined, type, bytes, at));
  return isSingle ? Math.fround(number) : number;
}

/** False where the value is not one that the field's width holds: it is then hashed as text. */
function addInteger(chain: Lookup3Chain, isLong: boolean, type: number, bytes: Buffer, at: number): boolean {
  let low: number;
  let high: number;
  if (type === INT32) {
    low = int32At(bytes, at);
    high = low >> 31;
  } else if (type === INT64) {
    low = int32At(bytes, at);
    high = int32At(bytes, at + 4);
  } else if (type === DOUBLE) {
    const number = doubleAt(bytes, at);
    if (!Number.isSafeInteger(number)) return false;
    low = number | 0;
    high = Math.floor(number / 0x1_0000_0000);
  } else return false;
  if (isLong) chain.int64(low, high);
  else if (high === low >> 31) chain.int32(low);
  else return false;
  return true;
}

/** The canonical text of a number that is short to write; undefined for the rest. */
function plainDecimal(type: number, bytes: Buffer, at: number): string | undefined {
  let text: string;
  if (type === INT32) text = String(int32At(bytes, at));
  else if (type === DOUBLE) text = String(doubleAt(bytes, at));
  else if (type === DECIMAL) text = decimalText(bytes, at);
  else return undefined;
  return text.length <= 40 && !text.includes('e') ? text : undefined;
}
