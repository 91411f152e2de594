// Puts single records of georiesgo right with the native drivers, as a person would who has looked at them.

import type { Row, Table, TableName } from '../../fixtures/georiesgo/column.ts';
import { copyIn, type Native } from '../../fixtures/georiesgo/damages.ts';
import { keyOf } from '../../fixtures/georiesgo/native.ts';
import type { StoreName } from '../../fixtures/georiesgo/stores.ts';
import { tableOf } from '../../fixtures/georiesgo/tables.ts';
import type { PlantedDamage } from './expectations.ts';

/** Replaces whatever stands for the damage's key in its replica by the one record that was seeded. */
export async function mend(native: Native, { findings }: PlantedDamage): Promise<void> {
  for (const { replica, key } of findings) {
    const [store, name] = replica.split('.') as [StoreName, TableName];
    const copy = copyIn(native, store);
    const table = tableOf(name);
    const row = seededRow(native, table, key);
    await copy.clear(table, row);
    await copy.insert(table, row);
  }
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
