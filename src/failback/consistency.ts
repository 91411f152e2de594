// Decisions are made row by row; here they are held against each other. A row that is referred to is not deleted, a row comes only with what it
// refers to, and no unique value stands twice. What can't be had is left open. Reads only; changes the decisions that it is given.

import { ConfigError, type Problem } from '../errors.ts';
import { type Field, type Key, keyText, type Mapping } from '../mapping/mapping.ts';
import { decodeRow, keyParameters, type Relation, rowsByKeySql } from '../postgres/relation.ts';
import type { Asking } from '../postgres/session.ts';
import type { Value } from '../value/field-type.ts';
import type { Reference, Unique } from './catalog.ts';
import { type Decision, type Links, writesTo } from './decision.ts';
import { type Both, otherSide, SIDES, type Side } from './sides.ts';

export interface TableSides {
  readonly name: string;
  readonly mapping: Mapping;
  readonly relations: Both<Relation>;
  /** All but the primary key. */
  readonly uniques: readonly Unique[];
}

export interface ConsistencyContext {
  readonly sessions: Both<Asking>;
  readonly tables: ReadonlyMap<string, TableSides>;
  readonly references: readonly Reference[];
}

const KEYS_AT_ONCE = 500;
/** Each round settles something for good; this only ends what would be a mistake of ours. */
const ROUNDS = 10_000;

/** The columns whose values the checks need, by table. */
export function linkColumns(
  name: string,
  uniques: readonly Unique[],
  references: readonly Reference[],
): readonly string[] {
  const columns = [
    ...uniques.flatMap((unique) => unique.columns),
    ...references.flatMap(({ from, columns: own, to, toColumns }) => [
      ...(from === name ? own : []),
      ...(to === name ? toColumns : []),
    ]),
  ];
  return [...new Set(columns)];
}

/** Throws a ConfigError where what a person said can't be had. `decisions`: all of them, by table. */
export async function makeConsistent(
  decisions: ReadonlyMap<string, readonly Decision[]>,
  context: ConsistencyContext,
): Promise<void> {
  const barred: Problem[] = [];
  const books = new Map(
    [...decisions].map(([name, all]) => [name, new Book(all, context.tables.get(name)!, context.sessions)]),
  );
  for (let round = 0; round < ROUNDS; round++) {
    let changed = 0;
    for (const side of SIDES) {
      for (const reference of context.references) {
        const [from, to] = [books.get(reference.from), books.get(reference.to)];
        if (from === undefined || to === undefined) continue;
        changed += await keepWhatIsReferredTo(side, reference, from, to, barred);
        changed += await bringWhatIsReferredTo(side, reference, from, to, barred);
      }
      for (const book of books.values())
        for (const unique of book.table.uniques) changed += await keepUnique(side, unique, book, barred);
    }
    if (barred.length > 0) throw new ConfigError(barred);
    if (changed === 0) return;
  }
  throw new Error('the decisions do not come to rest');
}

/** A row of this side that would be deleted, or lose the value that others refer to, while a row that stays refers to it. */
async function keepWhatIsReferredTo(
  side: Side,
  { columns, toColumns }: Reference,
  from: Book,
  to: Book,
  barred: Problem[],
): Promise<number> {
  const losing = to.all.filter((decision) => {
    const mine = valueText(decision.links[side], toColumns);
    return writesTo(decision, side) && mine !== undefined && mine !== valueText(to.finalOf(decision, side), toColumns);
  });
  if (losing.length === 0) return 0;
  const wanted = new Set(losing.map((decision) => valueText(decision.links[side], toColumns)!));
  const standing = await from.standing(side, columns, wanted);
  let changed = 0;
  for (const decision of losing) {
    const child = standing.get(valueText(decision.links[side], toColumns)!);
    if (child === undefined) continue;
    const isDeleted = decision.links[otherSide(side)] === null;
    const words = `${from.table.name} ${keyWords(child)} refers to it`;
    if (isDeleted && decision.settled === undefined) {
      decision.take = side;
      decision.settled = 'kept';
      decision.why = `${decision.why}; kept, as ${words}`;
    } else leave(decision, words, barred);
    changed++;
  }
  return changed;
}

/** A row that would be written to this side while what it refers to is not there. */
async function bringWhatIsReferredTo(
  side: Side,
  { columns, toColumns }: Reference,
  from: Book,
  to: Book,
  barred: Problem[],
): Promise<number> {
  const coming = from.all.filter(
    (decision) => writesTo(decision, side) && valueText(from.finalOf(decision, side), columns) !== undefined,
  );
  if (coming.length === 0) return 0;
  const wanted = new Set(coming.map((decision) => valueText(from.finalOf(decision, side), columns)!));
  const standing = await to.standing(side, toColumns, wanted);
  const origin = otherSide(side);
  let changed = 0;
  for (const decision of coming) {
    const value = valueText(from.finalOf(decision, side), columns)!;
    if (standing.has(value)) continue;
    const parent = to.all.find((one) => valueText(one.links[origin], toColumns) === value);
    if (parent !== undefined && parent.settled === undefined && parent.links[side] === null && parent.take === side) {
      parent.take = origin;
      parent.settled = 'kept';
      parent.why = `${parent.why}; kept, as ${from.table.name} ${keyWords(decision.key)} refers to it`;
    } else {
      const what =
        parent === undefined
          ? `a row of ${to.table.name} that is not there`
          : `${to.table.name} ${keyWords(parent.key)}, which is not to be ${side}`;
      leave(decision, `it refers to ${what}`, barred);
    }
    changed++;
  }
  return changed;
}

/** A row that would be written to this side while another row has its unique value. */
async function keepUnique(side: Side, { name, columns }: Unique, book: Book, barred: Problem[]): Promise<number> {
  const coming = book.all.filter((decision) => {
    const value = valueText(book.finalOf(decision, side), columns);
    return writesTo(decision, side) && value !== undefined && value !== valueText(decision.links[side], columns);
  });
  if (coming.length === 0) return 0;
  const wanted = new Set(coming.map((decision) => valueText(book.finalOf(decision, side), columns)!));
  const standing = await book.standing(side, columns, wanted, true);
  let changed = 0;
  for (const decision of coming) {
    const holder = standing.get(valueText(book.finalOf(decision, side), columns)!);
    if (holder === undefined || keyText(holder) === keyText(decision.key)) continue;
    leave(decision, `${columns.join(', ')} stands in ${keyWords(holder)} ${side} (${name})`, barred);
    changed++;
  }
  return changed;
}

function leave(decision: Decision, because: string, barred: Problem[]): void {
  if (decision.settled === 'said')
    barred.push({
      path: `${decision.table} ${keyWords(decision.key)}`,
      message: `can’t be taken from ${decision.take}: ${because}`,
      hint: 'Take both of them in the plan, or neither.',
    });
  decision.take = null;
  decision.settled ??= 'kept';
  decision.why = `${decision.why}; left, as ${because}`;
}

/** One table's decisions, and what will stand in it once they are carried out. */
class Book {
  readonly all: readonly Decision[];
  readonly table: TableSides;
  private readonly sessions: Both<Asking>;
  private readonly byKey: ReadonlyMap<string, Decision>;

  constructor(all: readonly Decision[], table: TableSides, sessions: Both<Asking>) {
    this.all = all;
    this.table = table;
    this.sessions = sessions;
    this.byKey = new Map(all.map((decision) => [keyText(decision.key), decision]));
  }

  finalOf(decision: Decision, side: Side): Links | null {
    return decision.links[writesTo(decision, side) ? otherSide(side) : side];
  }

  /** Of these values of these columns, those that a row of this side will have, with its key. `apart`: rather a row that has no decision or stays as it is. */
  async standing(
    side: Side,
    columns: readonly string[],
    wanted: ReadonlySet<string>,
    apart = false,
  ): Promise<ReadonlyMap<string, Key>> {
    const found = new Map<string, Key>();
    const add = (value: string | undefined, key: Key) => {
      if (value !== undefined && wanted.has(value) && !found.has(value)) found.set(value, key);
    };
    const decided = (coming: boolean) => {
      for (const decision of this.all)
        if (writesTo(decision, side) === coming) add(valueText(this.finalOf(decision, side), columns), decision.key);
    };
    decided(false);
    for (const [value, key] of await this.undecided(side, columns, wanted)) add(value, key);
    if (!apart) decided(true);
    return found;
  }

  private async undecided(
    side: Side,
    columns: readonly string[],
    wanted: ReadonlySet<string>,
  ): Promise<readonly (readonly [string, Key])[]> {
    const { mapping, relations } = this.table;
    const relation = relations[side];
    const fieldOf = (name: string): Field => [...mapping.key, ...mapping.fields].find((field) => field.name === name)!;
    const lookup: Mapping = { key: columns.map(fieldOf), fields: mapping.key };
    const values = [...wanted].map((text) => JSON.parse(text) as string[]);
    const found: (readonly [string, Key])[] = [];
    for (let from = 0; from < values.length; from += KEYS_AT_ONCE) {
      const rows = await this.sessions[side].query(
        'look for what depends',
        rowsByKeySql(relation, lookup),
        keyParameters(values.slice(from, from + KEYS_AT_ONCE), columns.length),
      );
      for (const row of rows) {
        const { key: value, values: key } = decodeRow(relation, lookup, row);
        const own = key as Key;
        if (!this.byKey.has(keyText(own))) found.push([JSON.stringify(value), own]);
      }
    }
    return found;
  }
}

/** As JSON; undefined where there is no row, or one of them is null: then it refers to nothing, and is like nothing. */
function valueText(links: Links | null, columns: readonly string[]): string | undefined {
  if (links === null) return undefined;
  const values: Value[] = columns.map((name) => links[name] ?? null);
  return values.includes(null) ? undefined : JSON.stringify(values);
}

export function keyWords(key: Key): string {
  return key.join(', ');
}
