// A conflict for people to review: both values of each field that differs, sensitive ones left out. And what they decided.

import { readFile } from 'node:fs/promises';
import { ConfigError } from '../errors.ts';
import type { Placed } from './apply-batch.ts';
import type { Conflict } from './decide.ts';
import type { ConflictField, ConflictLine } from './drain-report.ts';
import type { SourceTable } from './source-table.ts';

export function conflictLine({ order, write }: Placed, conflict: Conflict, { ready }: SourceTable): ConflictLine {
  const { key, fields } = ready.replica.mapping;
  const { entity, operation, at, values } = write;
  const { row, kind, rule, winner, changedAt = null } = conflict;
  const shown = fields.flatMap(({ name, sensitive }, i): ConflictField[] => {
    const gives = values.has(i);
    if (!gives && (operation !== 'delete' || row === undefined)) return [];
    if (gives && row?.values[i] === values.get(i)) return [];
    if (sensitive) return [{ name, sensitive }];
    return [
      {
        name,
        ...(row === undefined ? {} : { source: row.values[i] ?? null }),
        ...(gives ? { contingency: values.get(i) ?? null } : {}),
      },
    ];
  });
  return {
    write: order,
    store: storeOf(order),
    entity,
    key: Object.fromEntries(key.map(({ name }, i) => [name, write.key[i]!])),
    operation,
    writtenAt: at,
    changedAt,
    kind,
    rule,
    winner,
    fields: shown,
    take: null,
  };
}

/** By write: who is to win. Lines that decide nothing are passed over. Throws a ConfigError for a file that can't be read. */
export async function readDecisions(file: string): Promise<ReadonlyMap<string, 'source' | 'contingency'>> {
  const wrong = (message: string) =>
    new ConfigError([
      { path: '--decisions', message, hint: 'It is a conflicts.ndjson of which `take` was filled in.' },
    ]);
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw wrong(error.message);
  });
  const decisions = new Map<string, 'source' | 'contingency'>();
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    let conflict: Partial<ConflictLine>;
    try {
      conflict = JSON.parse(line) as Partial<ConflictLine>;
    } catch {
      throw wrong(`line ${i + 1} of ${file} is no JSON`);
    }
    const { write, take } = conflict;
    if (take === null || take === undefined) continue;
    if (typeof write !== 'string' || (take !== 'source' && take !== 'contingency'))
      throw wrong(`line ${i + 1} of ${file}: \`take\` is source or contingency`);
    decisions.set(write, take);
  }
  return decisions;
}

function storeOf(order: string): string {
  return (JSON.parse(order.slice(order.indexOf(' ') + 1)) as [string, string])[0];
}
