// Which tables are merged in one transaction, and in what order: those that references connect, what is referred to first. Pure.

import type { Reference } from './catalog.ts';

export interface Group {
  /** What is referred to stands before what refers to it, as far as there is no cycle. */
  readonly tables: readonly string[];
  /** References that lead from a table to one that does not stand before it: of a cycle, or to the table itself. */
  readonly cyclic: readonly Reference[];
}

/** Every table is in one group. */
export function groupsOf(tables: readonly string[], references: readonly Reference[]): readonly Group[] {
  const own = references.filter(({ from, to }) => tables.includes(from) && tables.includes(to));
  const left = new Set(tables);
  const groups: Group[] = [];
  for (const table of tables) {
    if (!left.has(table)) continue;
    const connected = new Set([table]);
    for (const member of connected)
      for (const { from, to } of own) {
        if (from === member) connected.add(to);
        if (to === member) connected.add(from);
      }
    for (const member of connected) left.delete(member);
    groups.push(
      ordered(
        tables.filter((name) => connected.has(name)),
        own,
      ),
    );
  }
  return groups;
}

function ordered(tables: readonly string[], references: readonly Reference[]): Group {
  const done: string[] = [];
  const open = new Set(tables);
  const waitsFor = (table: string) =>
    references.filter(({ from, to }) => from === table && to !== table && open.has(to)).length;
  while (open.size > 0) {
    // Within a cycle: whichever waits for the fewest.
    const next = [...open].reduce((best, table) => (waitsFor(table) < waitsFor(best) ? table : best));
    open.delete(next);
    done.push(next);
  }
  const place = new Map(done.map((table, i) => [table, i]));
  const isCyclic = ({ from, to }: Reference) => place.has(from) && place.has(to) && place.get(to)! >= place.get(from)!;
  return { tables: done, cyclic: references.filter(isCyclic) };
}
