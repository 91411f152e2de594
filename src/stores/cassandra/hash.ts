// Digests of raw rows: what src/value/row-hash.ts says of canonical values, computed where the values lie in the result's bytes. The usual
// pairs of field type and column type have a short way here; every other pair is decoded and hashed as its canonical text.

import { keyText, type Mapping, type Row } from '../../mapping/mapping.ts';
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
import type { Access, Slot } from './access.ts';
import { isAbsent, valueAt } from './decode.ts';
import { int32At, int64At, SMALL_VARINT, smallVarintAt } from './numbers.ts';
import type { Cells } from './raw-result.ts';
import type { RowReader } from './read-row.ts';
import { DATE_CENTRE } from './scalars.ts';

type Way = 'bytes' | 'lower' | 'padded' | 'boolean' | 'int32' | 'int64' | 'date' | 'decimal' | 'uuid' | 'slow';
/** How a float or a timestamp is read as the number that it is hashed as. */
type FloatWay = 'double' | 'float' | 'millis' | 'slow';

interface Step extends Slot {
  readonly slot: number;
  readonly way: Way;
  readonly floatWay: FloatWay;
  readonly isFloat: boolean;
  readonly isSingle: boolean;
  readonly isLong: boolean;
  /** The field alone, as a mapping whose key's hash is the field's. */
  readonly alone: Mapping;
}

export const SKIPPED = 'skipped';

/** The year 2255: up to here a time's microseconds are exact in a double. */
const EXACT_MILLIS = 9e12;
const HEX = Buffer.from('0123456789abcdef');
const HYPHEN = 45;
const ZERO = 48;
const BLANK = 32;

/** Hashes one row at a time; the result is in `keyHigh` … `rowLow`. */
export class RecordHasher {
  keyHigh = 0;
  keyLow = 0;
  rowHigh = 0;
  rowLow = 0;
  private readonly chain: Chain;
  private readonly seed: readonly [number, number];
  private readonly reader: RowReader;
  private readonly mapping: Mapping;
  private readonly keySteps: readonly Step[];
  private readonly steps: readonly Step[];
  private readonly numbers: Float64Array;
  private scratch = Buffer.allocUnsafe(1024);

  constructor(access: Access, reader: RowReader, scheme: HashScheme) {
    this.mapping = access.replica.mapping;
    this.reader = reader;
    this.chain = makeChain(scheme);
    this.seed = seedHalves(scheme);
    this.keySteps = access.keySlots.map((slot) => makeStep(access.slots[slot]!, slot));
    this.steps = access.fieldSlots.map((slot) => makeStep(access.slots[slot]!, slot));
    this.numbers = new Float64Array(this.steps.length);
  }

  /**
   * Hashes the key and, unless `wants` says no to it, the row. Returns `skipped` when it did, the reason when the record can't be
   * compared, undefined when all is well.
   */
  hash(cells: Cells, wants?: (keyLow: number) => boolean): string | undefined {
    // A chain of md5 can't be taken up again in the middle, which the way round by canonical text needs.
    if (!(this.chain instanceof Lookup3Chain)) return this.hashRow(this.reader.row(cells), wants);
    try {
      this.addKey(this.chain, cells);
      if (this.reader.oddSpelling(cells) !== undefined) return this.hashRow(this.reader.row(cells), wants);
      if (wants !== undefined && !wants(this.keyLow)) return SKIPPED;
      this.addValues(this.chain, cells);
    } catch {
      // Whatever it was, decoding the whole record meets it again, and says which field and why.
      return this.hashRow(this.reader.row(cells), wants);
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

  private addKey(chain: Lookup3Chain, cells: Cells): void {
    chain.begin(this.seed[0], this.seed[1]);
    for (let i = 0; i < this.keySteps.length; i++) {
      const step = this.keySteps[i]!;
      if (isNull(step, cells)) throw new Error('a key without a value');
      if (step.isFloat) chain.float64(floatOf(step, cells));
      else this.addValue(chain, step, cells);
    }
    chain.end();
    this.keyHigh = chain.high;
    this.keyLow = chain.low;
  }

  private addValues(chain: Lookup3Chain, cells: Cells): void {
    const steps = this.steps;
    const numbers = this.numbers;
    chain.begin(this.keyHigh, this.keyLow);
    for (let from = 0; from < steps.length; from += FLAGS_PER_WORD) {
      const to = Math.min(from + FLAGS_PER_WORD, steps.length);
      let flags = 0;
      for (let i = from; i < to; i++) {
        const step = steps[i]!;
        if (isNull(step, cells)) flags |= NULL_FLAG << (2 * (i - from));
        else if (step.isFloat) {
          const number = floatOf(step, cells);
          numbers[i] = number;
          if (number === 0) flags |= ZERO_FLAG << (2 * (i - from));
        }
      }
      chain.int32(flags);
      for (let i = from; i < to; i++) {
        const step = steps[i]!;
        if (isNull(step, cells)) addNeutral(chain, step.field);
        else if (step.isFloat) chain.float64(numbers[i]!);
        else this.addValue(chain, step, cells);
      }
    }
    chain.end();
    this.rowHigh = chain.high;
    this.rowLow = chain.low;
  }

  private addValue(chain: Lookup3Chain, step: Step, cells: Cells): void {
    const { bytes } = cells;
    const at = cells.offsets[step.slot]!;
    let length = cells.lengths[step.slot]!;
    switch (step.way) {
      case 'bytes':
        chain.bytes(bytes, at, length);
        return;
      case 'lower':
        this.addLower(chain, bytes, at, length);
        return;
      case 'padded':
        while (length > 0 && bytes[at + length - 1] === BLANK) length--;
        chain.bytes(bytes, at, length);
        return;
      case 'boolean':
        if (length !== 1) break;
        chain.int32(bytes[at] === 0 ? 0 : 1);
        return;
      case 'int32': {
        if (length !== 4) break;
        const value = int32At(bytes, at);
        if (step.isLong) chain.int64(value, value >> 31);
        else chain.int32(value);
        return;
      }
      case 'int64': {
        if (length !== 8) break;
        const [high, low] = [int32At(bytes, at), int32At(bytes, at + 4)];
        if (step.isLong) chain.int64(low, high);
        else if (high === low >> 31) chain.int32(low);
        else break;
        return;
      }
      case 'date':
        if (length !== 4) break;
        chain.int32(int32At(bytes, at) ^ DATE_CENTRE);
        return;
      case 'decimal': {
        const written = this.writeDecimal(bytes, at, length);
        if (written < 0) break;
        chain.bytes(this.scratch, 0, written);
        return;
      }
      case 'uuid':
        if (length !== 16) break;
        this.writeUuid(bytes, at);
        chain.bytes(this.scratch, 0, 36);
        return;
    }
    // A chain is its state, so a key of this one field that begins with it goes on where the record's hash stands.
    hashKey(chain, [chain.high, chain.low], step.alone, [valueAt(step.field, step.column.type, cells, step.slot)!]);
  }

  /** With A to Z made small, as PostgreSQL's lower() does under COLLATE "C". */
  private addLower(chain: Lookup3Chain, bytes: Buffer, at: number, length: number): void {
    if (this.scratch.length < length) this.scratch = Buffer.allocUnsafe(2 * length);
    for (let i = 0; i < length; i++) {
      const byte = bytes[at + i]!;
      this.scratch[i] = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    }
    chain.bytes(this.scratch, 0, length);
  }

  /** The canonical text of a short decimal, and its length; negative for the others. */
  private writeDecimal(bytes: Buffer, at: number, length: number): number {
    if (length < 5 || length > 4 + SMALL_VARINT) return -1;
    let scale = int32At(bytes, at);
    let unscaled = smallVarintAt(bytes, at + 4, length - 4);
    if (unscaled === 0) scale = 0;
    while (scale > 0 && unscaled % 10 === 0) {
      unscaled /= 10;
      scale--;
    }
    if (scale < 0 || scale > 20) return -1;
    const digits = String(Math.abs(unscaled)).padStart(scale + 1, '0');
    const { scratch } = this;
    let end = 0;
    if (unscaled < 0) scratch[end++] = HYPHEN;
    const point = digits.length - scale;
    for (let i = 0; i < digits.length; i++) {
      if (i === point) scratch[end++] = 46;
      scratch[end++] = ZERO + digits.charCodeAt(i) - 48;
    }
    return end;
  }

  private writeUuid(bytes: Buffer, at: number): void {
    const { scratch } = this;
    let end = 0;
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) scratch[end++] = HYPHEN;
      scratch[end++] = HEX[bytes[at + i]! >> 4]!;
      scratch[end++] = HEX[bytes[at + i]! & 15]!;
    }
  }
}

/** Null, unless it stands for an empty collection: that goes the slow way. */
function isNull({ column: { type }, field, slot }: Step, cells: Cells): boolean {
  const length = cells.lengths[slot]!;
  if (length > 0 || !isAbsent(type, length)) return false;
  return field.nullable || valueAt(field, type, cells, slot) === null;
}

function makeStep(at: Slot, slot: number): Step {
  const { field } = at;
  const { type } = field;
  return {
    ...at,
    slot,
    way: wayOf(at),
    floatWay: floatWayOf(at),
    isFloat: hashesAsFloat(field),
    isSingle: type.kind === 'float' && type.bits === 32,
    isLong: type.kind === 'integer' && type.bits === 64,
    alone: { key: [field], fields: [] },
  };
}

function wayOf({ field, column: { type: cql } }: Slot): Way {
  const { type } = field;
  if (field.tolerance !== undefined) return 'slow';
  const isText = cql.name === 'text' || cql.name === 'ascii';
  switch (type.kind) {
    case 'text':
      if (!isText) break;
      if (type.padded) return field.ignoreCase ? 'slow' : 'padded';
      return field.ignoreCase ? 'lower' : 'bytes';
    case 'enum':
      if (isText) return field.ignoreCase ? 'lower' : 'bytes';
      break;
    case 'boolean':
      if (cql.name === 'boolean') return 'boolean';
      break;
    case 'integer':
      if (cql.name === 'int') return 'int32';
      if (cql.name === 'bigint') return 'int64';
      break;
    case 'date':
      if (cql.name === 'date') return 'date';
      break;
    case 'decimal':
      if (cql.name === 'decimal' && !field.ignoreCase) return 'decimal';
      break;
    case 'uuid':
      if ((cql.name === 'uuid' || cql.name === 'timeuuid') && !field.ignoreCase) return 'uuid';
  }
  return 'slow';
}

function floatWayOf({ field: { type }, column }: Slot): FloatWay {
  const { name } = column.type;
  if (type.kind === 'timestamp') return name === 'timestamp' && type.precision >= 3 ? 'millis' : 'slow';
  return type.kind === 'float' && (name === 'double' || name === 'float') ? name : 'slow';
}

/** The number that a float or a timestamp is hashed as. */
function floatOf(step: Step, cells: Cells): number {
  const { bytes } = cells;
  const at = cells.offsets[step.slot]!;
  const length = cells.lengths[step.slot]!;
  if (step.floatWay === 'millis' && length === 8) {
    const millis = int64At(bytes, at);
    if (Math.abs(millis) < EXACT_MILLIS) return (millis * 1000) / 1_000_000;
  } else if (step.floatWay === 'double' && length === 8) {
    const number = bytes.readDoubleBE(at);
    return step.isSingle ? Math.fround(number) : number;
  } else if (step.floatWay === 'float' && length === 4) return bytes.readFloatBE(at);
  const text = valueAt(step.field, step.column.type, cells, step.slot)!;
  if (step.field.type.kind === 'timestamp') return secondsToHash(text);
  return step.isSingle ? Math.fround(floatOfText(text)) : floatOfText(text);
}
