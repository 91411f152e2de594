// Whether tables hold what their constraints promise: asked of the rows themselves, as a replication role writes past some constraints.

import { type Asking, quoteIdentifier } from '../postgres/session.ts';
import { primaryKeyOf, type Reference, type Table } from './catalog.ts';

export interface CheckResult {
  readonly kind: 'foreign key' | 'unique' | 'not null' | 'check' | 'count' | 'sequence';
  readonly table: string;
  /** The constraint, column or sequence. */
  readonly name: string;
  /** Rows that break it; of a count, how far it is off. */
  readonly wrong: number;
  /** Of such rows: a key or a value. */
  readonly example?: string;
}

export async function checkTables(
  asking: Asking,
  tables: readonly Table[],
  references: readonly Reference[],
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for (const table of tables) {
    results.push(...(await checkRows(asking, table)));
    for (const { name, columns } of table.uniques) {
      const names = columns.map(quoteIdentifier).join(', ');
      const isWhole = columns.map((column) => `${quoteIdentifier(column)} is not null`).join(' and ');
      const [row] = await asking.query(
        'check unique values',
        `select count(*) as wrong, min(value) as example from (
           select concat_ws(', ', ${names}) as value from ${table.sql} where ${isWhole} group by ${names} having count(*) > 1) as twice`,
      );
      results.push(resultOf('unique', table.name, name, row!));
    }
  }
  for (const reference of references) {
    const child = tables.find(({ name }) => name === reference.from);
    const parent = tables.find(({ name }) => name === reference.to);
    if (child === undefined || parent === undefined || !reference.validated) continue;
    results.push(await checkReference(asking, reference, child, parent));
  }
  return results;
}

/** Not null and check constraints, in one pass. */
async function checkRows(asking: Asking, table: Table): Promise<CheckResult[]> {
  const key = exampleSql(table, 'held');
  const asked = [
    ...table.columns.flatMap(({ name, notNull }) =>
      notNull ? [{ kind: 'not null' as const, name, wrong: `held.${quoteIdentifier(name)} is null` }] : [],
    ),
    ...table.checks.flatMap(({ name, expression, validated }) =>
      validated ? [{ kind: 'check' as const, name, wrong: `not (${expression})` }] : [],
    ),
  ];
  if (asked.length === 0) return [];
  const columns = asked.map(
    ({ wrong }, i) =>
      `count(*) filter (where ${wrong}) as wrong${i}, min(${key}) filter (where ${wrong}) as example${i}`,
  );
  const [row] = await asking.query('check rows', `select ${columns.join(', ')} from ${table.sql} as held`);
  return asked.map(({ kind, name }, i) =>
    resultOf(kind, table.name, name, { wrong: row![`wrong${i}`]!, example: row![`example${i}`] ?? null }),
  );
}

async function checkReference(
  asking: Asking,
  { name, columns, toColumns }: Reference,
  child: Table,
  parent: Table,
): Promise<CheckResult> {
  const isWhole = columns.map((column) => `held.${quoteIdentifier(column)} is not null`);
  const matches = columns.map(
    (column, i) => `there.${quoteIdentifier(toColumns[i]!)} = held.${quoteIdentifier(column)}`,
  );
  const [row] = await asking.query(
    'check references',
    `select count(*) as wrong, min(${exampleSql(child, 'held')}) as example from ${child.sql} as held
      where ${isWhole.join(' and ')} and not exists (select from ${parent.sql} as there where ${matches.join(' and ')})`,
  );
  return resultOf('foreign key', child.name, name, row!);
}

function exampleSql(table: Table, alias: string): string {
  const columns = primaryKeyOf(table)!.columns.map((column) => `${alias}.${quoteIdentifier(column)}`);
  return `concat_ws(', ', ${columns.join(', ')})`;
}

function resultOf(
  kind: CheckResult['kind'],
  table: string,
  name: string,
  { wrong, example }: Readonly<Record<string, string | null>>,
): CheckResult {
  return { kind, table, name, wrong: Number(wrong), example: example ?? undefined };
}

export async function countRows(asking: Asking, table: Table): Promise<number> {
  const [row] = await asking.query('count', `select count(*) as rows from ${table.sql}`);
  return Number(row!.rows);
}
