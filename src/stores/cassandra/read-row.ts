// From located cells to a canonical row with its place. Says of a key that is spelled as no lookup would spell it that it can't be compared.

import type { Field, Place, Row } from '../../mapping/mapping.ts';
import { ValueError } from '../../value/canonical.ts';
import type { FieldType, Value } from '../../value/field-type.ts';
import type { Access, Slot } from './access.ts';
import { type CqlType, typeText } from './cql-type.ts';
import { canonicalAt, valueAt } from './decode.ts';
import { encodeField, encodeValue } from './encode.ts';
import type { Cells } from './raw-result.ts';

export const ODD_SPELLING = 'is spelled in a way by which no lookup finds it';

export class RowReader {
  private readonly access: Access;
  private readonly lastClustering: number | undefined;
  /** Slots of the key whose bytes may differ from those that the canonical value is looked up by. */
  private readonly ambiguous: readonly number[];
  private readonly tellsPlace: boolean;

  constructor(access: Access) {
    this.access = access;
    const { table, slots, keySlots, placeSlots } = access;
    // Findings keep the place, and nobody may see what is sensitive.
    this.tellsPlace = placeSlots.length > 0 && !placeSlots.some((slot) => slots[slot]!.field.sensitive);
    this.lastClustering = table.clustering.length === 0 ? undefined : table.primaryKey.length - 1;
    this.ambiguous = keySlots.filter((slot) => !hasOneSpelling(slots[slot]!));
  }

  /** False for a partition that holds nothing but static columns: the server shows it as a row without clustering columns. */
  isRecord(cells: Cells): boolean {
    return this.lastClustering === undefined || !cells.isNull(this.lastClustering);
  }

  row(cells: Cells): Row {
    const { slots, keySlots, fieldSlots } = this.access;
    const unread: string[] = [];
    const read = (slot: number): Value => {
      const { field, column } = slots[slot]!;
      try {
        return valueAt(field, column.type, cells, slot);
      } catch (error) {
        unread.push(reasonOf(field, column.type, error));
        return null;
      }
    };
    const key = keySlots.map((slot) => read(slot) ?? '');
    const values = fieldSlots.map(read);
    if (unread.length === 0) {
      const odd = this.oddSpelling(cells);
      if (odd !== undefined) unread.push(odd);
    }
    const row = { key, values, place: this.place(cells) };
    return unread.length === 0 ? row : { ...row, unread: unread.join('; ') };
  }

  /** Why the record would not be found by its own key, if so. Throws ValueError where the key can't be read. */
  oddSpelling(cells: Cells): string | undefined {
    for (const slot of this.ambiguous) {
      const { field, column } = this.access.slots[slot]!;
      const value = valueAt(field, column.type, cells, slot);
      if (value !== null && isSpelled(cells, slot, () => encodeField(field, column.type, value))) continue;
      return `${field.target} ${ODD_SPELLING}`;
    }
    return undefined;
  }

  place(cells: Cells): Place | undefined {
    if (!this.tellsPlace) return undefined;
    const { slots, placeSlots } = this.access;
    return placeSlots.map((slot) => placePart(slots[slot]!, cells, slot));
  }
}

const RAW = 'bytes:';

/** A canonical value; where that would not lead back to the very bytes, the bytes in hex. */
function placePart({ field, column: { type } }: Slot, cells: Cells, slot: number): string {
  const length = cells.lengths[slot]!;
  try {
    const text = canonicalAt(widest(field.type), type, cells.bytes, cells.offsets[slot]!, length);
    if (isSpelled(cells, slot, () => encodeValue(widest(field.type), type, text))) return text;
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
  }
  return `${RAW}${cells.bytes.toString('hex', cells.offsets[slot]!, cells.offsets[slot]! + length)}`;
}

/** The bytes of a part of a place. Throws ValueError. */
export function placeBytes({ field, column: { type } }: Slot, part: string): Buffer {
  const isText = type.name === 'text' || type.name === 'ascii';
  if (!isText && part.startsWith(RAW)) return Buffer.from(part.slice(RAW.length), 'hex');
  return encodeValue(widest(field.type), type, part);
}

/** The field's type without what makes values coarser. */
function widest(type: FieldType): FieldType {
  if (type.kind === 'timestamp') return { kind: 'timestamp', precision: 6 };
  return type.kind === 'text' ? { kind: 'text' } : type;
}

function isSpelled(cells: Cells, slot: number, encode: () => Buffer): boolean {
  const start = cells.offsets[slot]!;
  try {
    return encode().equals(cells.bytes.subarray(start, start + Math.max(cells.lengths[slot]!, 0)));
  } catch (error) {
    if (error instanceof ValueError) return false;
    throw error;
  }
}

/** True where a canonical value is always encoded as the bytes that it was read from. */
function hasOneSpelling({ field: { type }, column }: Slot): boolean {
  switch (column.type.name) {
    case 'text':
    case 'ascii':
      return (type.kind === 'text' && !type.padded) || type.kind === 'enum';
    case 'int':
    case 'smallint':
    case 'tinyint':
    case 'bigint':
      return type.kind === 'integer' || type.kind === 'decimal' || type.kind === 'enum';
    case 'uuid':
    case 'timeuuid':
    case 'blob':
    case 'boolean':
      return true;
    case 'date':
      return type.kind === 'date';
    case 'timestamp':
      return type.kind === 'timestamp' && type.precision >= 3;
    default:
      return false;
  }
}

/** Why a value can't be compared. A sensitive field's value is never part of it. */
function reasonOf(field: Field, type: CqlType, error: unknown): string {
  if (!(error instanceof ValueError)) throw error;
  const reason = `${field.target} holds ${typeText(type)} that is not ${field.type.kind}`;
  return field.sensitive || error.message === '' ? reason : `${reason}: ${error.message}`;
}
