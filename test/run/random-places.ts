// A random table's records in one store: the mapping, what the store holds of a value, and the replica in the words of the YAML file.

import type { Key, Mapping } from '../../src/mapping/mapping.ts';
import type { Value } from '../../src/value/field-type.ts';
import type { Harness, NativeRecord, Place } from '../stores/contract.ts';
import { field } from '../stores/contract-cases.ts';
import { type RandomColumn, type RandomTable, TYPES } from './random-tables.ts';

/** The columns that the store can hold, the version last. */
export function columnsIn(harness: Harness, { columns, versioned }: RandomTable): readonly RandomColumn[] {
  const held = columns.filter(({ type }) => !harness.without?.includes(TYPES[type]!.type.kind));
  return versioned ? [...held, { name: 'updated_at', type: 'timestamp' }] : held;
}

/** What is left of a value in the store. */
export function heldIn(harness: Harness, { type: name }: RandomColumn, value: Value): Value {
  if (value === null) return null;
  const { type } = TYPES[name]!;
  if (harness.unholdable?.(type, value)) throw new Error(`the store can't hold the ${name} ${value}`);
  if (harness.emptyIsNull && value === '') return null;
  return type.kind === 'timestamp' ? `${value.slice(0, 20 + harness.precision).padEnd(26, '0')}Z` : value;
}

export interface RandomPlace {
  write(records: readonly NativeRecord[]): Promise<void>;
  read(): Promise<readonly NativeRecord[]>;
  /** As `Place.set`; `index` counts the columns that the store can hold. */
  set(key: Key, index: number, value: Value): Promise<void>;
  /** The replica in the YAML file, without `store`. */
  readonly config: Readonly<Record<string, unknown>>;
}

export async function makeRandomPlace(harness: Harness, table: RandomTable): Promise<RandomPlace> {
  const targetOf = (name: string) =>
    table.camelCase ? name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()) : name;
  const columns = columnsIn(harness, table);
  const fieldOf = ({ name, type }: RandomColumn) => {
    const { kind, ...more } = TYPES[type]!.type;
    const precise = kind === 'timestamp' ? { precision: harness.precision } : more;
    return { ...field(name, { kind, ...precise } as Mapping['key'][number]['type']), target: targetOf(name) };
  };
  const mapping: Mapping = {
    key: table.key.map((column) => ({ ...fieldOf(column), nullable: false })),
    fields: columns.map(fieldOf),
  };
  const place = await harness.makePlace(mapping);
  const ignored = table.columns.filter((column) => !columns.includes(column)).map(({ name }) => name);
  const { write, read, set } = place;
  return { write, read, set, config: wordsOf(place, table.camelCase, targetOf, ignored) };
}

/** With `naming` in place of the fields that it names, so that it is tried as well. */
function wordsOf(
  place: Place,
  camelCase: boolean,
  targetOf: (name: string) => string,
  ignored: readonly string[],
): Readonly<Record<string, unknown>> {
  const fields = Object.entries(place.config!.fields as Readonly<Record<string, string>>);
  return {
    ...place.config,
    naming: camelCase ? 'camelCase' : 'asIs',
    fields: Object.fromEntries(fields.filter(([name, target]) => target !== targetOf(name))),
    ...(ignored.length > 0 ? { ignore: ignored } : {}),
  };
}
