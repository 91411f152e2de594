// Puts single records right with the native drivers, as a person would who has looked at them.

import { columnOf, type Row, type Table, type TableName } from '../../fixtures/georiesgo/column.ts';
import type { Native } from '../../fixtures/georiesgo/damages.ts';
import { filterOf, insertIntoMongodb, insertIntoPostgres, keyOf } from '../../fixtures/georiesgo/native.ts';
import { tableOf } from '../../fixtures/georiesgo/tables.ts';
import type { PlantedDamage } from './expectations.ts';

/** Replaces whatever stands for the damage's key in its replica by the one record that was seeded. */
export async function mend(native: Native, { damage, planted }: PlantedDamage): Promise<void> {
  const [store, name] = damage.replica.split('.') as ['backup' | 'docs', TableName];
  const table = tableOf(name);
  const row = seededRow(native, table, planted.key);
  if (store === 'docs') {
    await native.docs.collection(name).deleteMany(filterOf(table, row));
    await insertIntoMongodb(native.docs, table, row);
    return;
  }
  const conditions = table.key.map((column, i) => `"${columnOf(table, column).name}" = $${i + 1}`);
  const values = table.key.map((column) => planted.key[column]);
  await native.backup.query(`DELETE FROM ${name} WHERE ${conditions.join(' AND ')}`, values);
  await insertIntoPostgres(native.backup, table, row);
}

/** The generated row of a key. */
export function seededRow(native: Native, table: Table, key: Readonly<Record<string, string>>): Row {
  const wanted = JSON.stringify(Object.entries(key).sort());
  for (let index = 0; index < table.count(native.rows); index += 1) {
    const row = table.row(native.seed, index);
    if (JSON.stringify(Object.entries(keyOf(table, row)).sort()) === wanted) return row;
  }
  throw new Error(`${table.name} was not seeded with ${wanted}`);
}
