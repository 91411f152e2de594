// What stands in the way of merging two servers' tables: found before a row is read, all at once. Pure.

import type { FailbackConfig } from '../config/config.ts';
import { suggest } from '../config/suggest.ts';
import type { Problem } from '../errors.ts';
import { type Catalog, primaryKeyOf, type Reference, type Table } from './catalog.ts';
import type { Both, Side } from './sides.ts';

export interface ChosenTables {
  /** By name, as here has them. */
  readonly tables: readonly Table[];
  readonly problems: readonly Problem[];
  /** Sentences on what is left out. */
  readonly notes: readonly string[];
}

const LEAVE_OUT = 'or leave it out: failback.except.';

/** `writes`: the sides that are to be written. */
export function chooseTables(config: FailbackConfig, catalogs: Both<Catalog>, writes: readonly Side[]): ChosenTables {
  const problems: Problem[] = [];
  const notes: string[] = [];
  const { here, there } = catalogs;
  const known = [...new Set([...here.tables.keys(), ...there.tables.keys()])].sort();
  const short = (name: string) => name.replace(/^public\./, '');
  const named = (names: readonly string[], path: string) =>
    names.map((given) => {
      const name = short(given);
      if (!known.includes(name)) {
        const near = suggest(name, known);
        problems.push({
          path,
          message: `neither server has a table ${given}${near === undefined ? '' : `; did you mean ${near}?`}`,
          hint: `Tables: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ' …' : ''}.`,
        });
      }
      return name;
    });
  const except = named(config.except, 'failback.except');
  named([...config.rules.keys()], 'failback.rules');
  const wanted = (config.tables === undefined ? known : named(config.tables, 'failback.tables')).filter(
    (name) => !except.includes(name),
  );
  if (except.length > 0) notes.push(`left out: ${except.join(', ')}`);
  const tables: Table[] = [];
  for (const name of wanted) {
    const [mine, theirs] = [here.tables.get(name), there.tables.get(name)];
    if (mine === undefined && theirs === undefined) continue;
    if (mine?.unlogged || theirs?.unlogged) {
      notes.push(`${name} is unlogged: replication never carried it, so nothing can be told of it; left out`);
      continue;
    }
    if (mine === undefined || theirs === undefined) {
      const [has, lacks] = mine === undefined ? ['there', 'here'] : ['here', 'there'];
      problems.push({
        path: name,
        message: `${has} has this table, ${lacks} does not`,
        hint: `Run the migration that ${lacks} lacks, ${LEAVE_OUT}`,
      });
      continue;
    }
    problems.push(...differences(name, mine, theirs, catalogs), ...obstacles(mine, catalogs, writes));
    tables.push(mine);
  }
  const ruled = new Map([...config.rules].map(([name, rule]) => [short(name), rule]));
  for (const table of tables)
    for (const [word, column] of Object.entries({
      version: ruled.get(table.name)?.version,
      created: ruled.get(table.name)?.created,
    }))
      if (column !== undefined && !table.columns.some(({ name }) => name === column))
        problems.push({
          path: `failback.rules.${table.name}.${word}`,
          message: `${table.name} has no column ${column}`,
          hint: `It has ${table.columns.map(({ name }) => name).join(', ')}.`,
        });
  if (here.largeObjects || there.largeObjects)
    notes.push('there are large objects: they are no rows, and are not merged');
  const outside = here.references.filter(
    ({ from, to }) => tables.some(({ name }) => name === from) !== tables.some(({ name }) => name === to),
  );
  for (const { name, from, to } of outside)
    problems.push({
      path: from,
      message: `${name} refers to ${to}, and only one of the two is merged`,
      hint: 'Choose both tables, or neither.',
    });
  if (tables.length === 0 && problems.length === 0)
    problems.push({ path: 'failback.tables', message: 'there is no table to merge' });
  return { tables, problems, notes };
}

function differences(name: string, here: Table, there: Table, catalogs: Both<Catalog>): Problem[] {
  const found: string[] = [];
  const [mine, theirs] = [here, there].map(({ columns }) => new Map(columns.map((column) => [column.name, column])));
  for (const column of new Set([...mine!.keys(), ...theirs!.keys()])) {
    const [a, b] = [mine!.get(column), theirs!.get(column)];
    if (a === undefined || b === undefined)
      found.push(`${a === undefined ? 'here' : 'there'} lacks the column ${column}`);
    else if (a.type !== b.type) found.push(`${column} is ${a.type} here and ${b.type} there`);
    else if (a.notNull !== b.notNull) found.push(`${column} may be null only ${a.notNull ? 'there' : 'here'}`);
    else if (a.generated !== b.generated || a.identity !== b.identity)
      found.push(`${column} is generated in another way there`);
  }
  const uniques = ({ uniques: all }: Table) =>
    new Set(all.map(({ columns, primary }) => `${primary ? 'primary key' : 'unique'} (${columns.join(', ')})`));
  const words = ({ name: own, columns, to, toColumns }: Reference) =>
    `${own}: (${columns.join(', ')}) references ${to} (${toColumns.join(', ')})`;
  const references = ({ references: all }: Catalog) => new Set(all.filter(({ from }) => from === name).map(words));
  const checks = ({ checks: all }: Table) => new Set(all.map(({ expression }) => `check ${expression}`));
  for (const sides of [
    [uniques(here), uniques(there)],
    [references(catalogs.here), references(catalogs.there)],
    [checks(here), checks(there)],
  ] as const) {
    for (const own of sides[0]) if (!sides[1].has(own)) found.push(`only here: ${own}`);
    for (const own of sides[1]) if (!sides[0].has(own)) found.push(`only there: ${own}`);
  }
  return found.map((message) => ({
    path: name,
    message,
    hint: `Make both alike first (run the same migration on both), ${LEAVE_OUT}`,
  }));
}

function obstacles(table: Table, catalogs: Both<Catalog>, writes: readonly Side[]): Problem[] {
  const found: Problem[] = [];
  const add = (message: string, hint: string) => found.push({ path: table.name, message, hint });
  const key = primaryKeyOf(table);
  if (key === undefined) add('it has no primary key, so its rows can’t be told apart', `Give it one, ${LEAVE_OUT}`);
  else if (key.deferrable)
    add('its primary key is deferrable, which no conditional insert can use', `Make it not deferrable, ${LEAVE_OUT}`);
  if (table.hasHeirs)
    add('other tables inherit from it, so its rows would be met twice', `Use partitions, ${LEAVE_OUT}`);
  if (/\..*\./.test(table.qualified)) add('its name has a dot in it', `Rename it, ${LEAVE_OUT}`);
  for (const side of ['here', 'there'] as const) {
    const own = catalogs[side].tables.get(table.name)!;
    if (own.hidesRows)
      add(
        `row security hides rows from the role of failback.${side}.url`,
        'Use a role that owns the table or has BYPASSRLS.',
      );
    const lacks = own.lacks.filter((verb) => verb === 'select' || writes.includes(side));
    if (lacks.length > 0)
      add(
        `${side}: no permission to ${lacks.join(', ')}`,
        `GRANT ${lacks.map((verb) => verb.toUpperCase()).join(', ')} ON ${table.sql} TO the role of failback.${side}.url.`,
      );
    for (const { name, sql, movable, columns } of catalogs[side].sequences.values())
      if (!movable && writes.includes(side) && columns.some((column) => column.table === table.name))
        add(
          `${side}: no permission to move the sequence ${name}`,
          `GRANT UPDATE ON SEQUENCE ${sql} TO the role of failback.${side}.url.`,
        );
  }
  return found;
}
