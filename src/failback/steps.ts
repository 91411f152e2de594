// In what order the rows of a group are written, so that neither references nor unique values are in the way of each other.

import { type Key, keyText, type Mapping, type Row } from '../mapping/mapping.ts';
import { decodeRow, keyParameters, rowsByKeySql } from '../postgres/relation.ts';
import type { Transaction } from '../postgres/transaction.ts';
import type { Change, FetchedRow, Image } from '../stores/store.ts';
import type { Value } from '../value/field-type.ts';
import type { Reference, Table, Unique } from './catalog.ts';
import type { TableSides } from './consistency.ts';
import type { Group } from './groups.ts';
import type { Side } from './sides.ts';

/** What the order depends on. */
export interface StepContext {
  /** The side that is written. */
  readonly side: Side;
  readonly tables: ReadonlyMap<string, TableSides & { readonly table: Table }>;
  /** Triggers do not fire, and the server does not look at references. */
  readonly replicates: boolean;
}

/** What is to be written of one row. */
export interface Item {
  readonly key: Key;
  readonly origin: FetchedRow | undefined;
  /** The origin's row whole. */
  readonly image: Image | undefined;
  readonly target: FetchedRow | undefined;
}

export type Kind = Change['kind'];

export interface Step {
  readonly table: string;
  readonly kind: Kind;
  readonly items: readonly Item[];
  /** Columns that are null for now: what they hold comes later, or goes before. */
  readonly without?: readonly string[];
}

const BATCH = 500;

/** Thrown to take the group back. */
export class Spoilt extends Error {}

/**
 * In what order. Where the server looks at references, what is referred to comes first and goes last; within a cycle the reference is null at
 * first. A row that takes a unique value which another row is about to give up is in the way of itself: it goes and comes again, or, where that
 * would touch references, the holder's value is null for a moment.
 */
export async function arrange(
  group: Group,
  items: ReadonlyMap<string, readonly Item[]>,
  transaction: Transaction,
  context: StepContext,
): Promise<readonly Step[]> {
  const kinds = (name: string, kind: Kind) => items.get(name)!.filter((item) => kindOf(item) === kind);
  const forward = group.tables;
  const backward = [...group.tables].reverse();
  const steps = (names: readonly string[], kind: Kind, of: (name: string) => readonly Item[]): Step[] =>
    names.map((table) => ({ table, kind, items: of(table) }));
  if (context.replicates) {
    const entangled = new Map<string, ReadonlySet<string>>();
    for (const name of forward) {
      const { uniques } = context.tables.get(name)!;
      const inTheWay = new Set<string>();
      for (const unique of uniques)
        for (const { item } of await holders(kinds(name, 'update'), unique, name, transaction, context))
          inTheWay.add(keyText(item.key));
      entangled.set(name, inTheWay);
    }
    const isEntangled = (name: string) => (item: Item) => entangled.get(name)!.has(keyText(item.key));
    const again = (name: string) => kinds(name, 'update').filter(isEntangled(name));
    return [
      ...steps(backward, 'delete', (name) => [...kinds(name, 'delete'), ...again(name)]),
      ...steps(forward, 'update', (name) => kinds(name, 'update').filter((item) => !isEntangled(name)(item))),
      ...steps(forward, 'insert', (name) => [...kinds(name, 'insert'), ...again(name)]),
    ];
  }
  const late = new Map(forward.map((name) => [name, lateColumns(name, group.cyclic, context)]));
  const nulled = (step: Step): Step => ({ ...step, without: late.get(step.table) });
  const parks: Step[] = [];
  for (const name of forward) parks.push(...(await park(name, items.get(name)!, transaction, context)));
  return [
    ...parks,
    ...steps(forward, 'insert', (name) => kinds(name, 'insert')).map(nulled),
    ...steps(forward, 'update', (name) => [
      ...kinds(name, 'update'),
      ...(late.get(name)!.length > 0 ? kinds(name, 'insert') : []),
    ]),
    ...steps(forward, 'update', (name) => (late.get(name)!.length > 0 ? kinds(name, 'delete') : [])).map(nulled),
    ...steps(backward, 'delete', (name) => kinds(name, 'delete')),
  ];
}

export function kindOf({ origin, target }: Item): Kind {
  return origin === undefined ? 'delete' : target === undefined ? 'insert' : 'update';
}

/** Columns of references that close a cycle, and that the server would look at before all of it is there. */
function lateColumns(name: string, cyclic: readonly Reference[], { tables }: StepContext): readonly string[] {
  const nullable = new Set(tables.get(name)!.table.columns.flatMap((column) => (column.notNull ? [] : [column.name])));
  const own = cyclic.filter(({ from, deferrable }) => from === name && !deferrable);
  // Where not one column may be null, all rows come in one statement, and the server says whether that will do.
  return own.flatMap(({ columns }) => columns.filter((column) => nullable.has(column)).slice(0, 1));
}

/** Items whose new unique value another row of the target has now. */
async function holders(
  items: readonly Item[],
  { columns }: Unique,
  name: string,
  transaction: Transaction,
  { tables, side }: StepContext,
): Promise<readonly { readonly item: Item; readonly holder: Key }[]> {
  const { mapping, relations } = tables.get(name)!;
  const all = [...mapping.key, ...mapping.fields];
  const lookup: Mapping = {
    key: columns.map((column) => all.find((field) => field.name === column)!),
    fields: mapping.key,
  };
  const uniqueOf = (row: Row | undefined): Value[] | undefined =>
    row &&
    lookup.key.map((field) => {
      const part = mapping.key.indexOf(field);
      return part >= 0 ? row.key[part]! : row.values[mapping.fields.indexOf(field)]!;
    });
  const wanted = new Map<string, Item>();
  for (const item of items) {
    const value = uniqueOf(item.origin)!;
    if (!value.includes(null) && JSON.stringify(value) !== JSON.stringify(uniqueOf(item.target)))
      wanted.set(JSON.stringify(value), item);
  }
  const values = [...wanted.keys()].map((text) => JSON.parse(text) as string[]);
  const found: { item: Item; holder: Key }[] = [];
  for (let from = 0; from < values.length; from += BATCH) {
    const rows = await transaction.query(
      'look for unique values',
      rowsByKeySql(relations[side], lookup),
      keyParameters(values.slice(from, from + BATCH), columns.length),
    );
    for (const row of rows) {
      const held = decodeRow(relations[side], lookup, row);
      const item = wanted.get(JSON.stringify(held.key));
      if (item !== undefined && keyText(item.key) !== keyText(held.values as Key))
        found.push({ item, holder: held.values as Key });
    }
  }
  return found;
}

async function park(
  name: string,
  items: readonly Item[],
  transaction: Transaction,
  context: StepContext,
): Promise<readonly Step[]> {
  const { uniques, table } = context.tables.get(name)!;
  const coming = items.filter((item) => kindOf(item) !== 'delete');
  const steps: Step[] = [];
  for (const unique of uniques) {
    if (unique.deferrable) continue;
    const held = await holders(coming, unique, name, transaction, context);
    if (held.length === 0) continue;
    const column = table.columns.find(
      (one) => unique.columns.includes(one.name) && !one.notNull && one.generated === null,
    );
    if (column === undefined)
      throw new Spoilt(
        `${name}: rows exchange values of ${unique.name}, which the server allows neither later nor through null: use a role that may set session_replication_role, or make it DEFERRABLE`,
      );
    const byKey = new Map(items.map((item) => [keyText(item.key), item]));
    const parked = held.flatMap(({ holder }) => byKey.get(keyText(holder)) ?? []);
    steps.push({ table: name, kind: 'update', items: parked, without: [column.name] });
  }
  return steps;
}
