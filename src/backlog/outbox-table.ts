// The outbox's table as the source has it: its columns, and the conditions that tell pending and failed events. Reads no row.

import type { NamingConfig, OutboxConfig } from '../config/config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import { type Shape, shapeOfTable } from '../postgres/columns.ts';
import { quoteIdentifier, type Session } from '../postgres/session.ts';

export interface OutboxTable {
  readonly shape: Shape;
  /** SQL conditions. */
  readonly pending: string;
  /** Undefined: the table does not say which events the relay had trouble with. */
  readonly failed?: string;
  /** SQL, quoted. */
  readonly id: string;
  readonly idType: string;
  readonly createdAt: string;
  /** Undefined: the table does not say when an event was published. */
  readonly processedAt?: string;
}

/** Throws a ConfigError for a table or columns that are not there. `more`: columns that the caller needs besides. */
export async function readOutboxTable(
  session: Session,
  outbox: OutboxConfig,
  more: readonly string[] = [],
): Promise<OutboxTable> {
  const shape = await shapeOfTable(session, outbox.table);
  if (shape === null)
    throw new ConfigError([{ path: 'outbox.table', message: `the source has no table ${outbox.table}` }]);
  const has = (column: string) => shape.columns.has(column);
  const needed = [outbox.id, outbox.createdAt, ...(outbox.pending === undefined ? [outbox.processedAt] : []), ...more];
  const problems = [...new Set(needed)].flatMap((column): Problem[] => {
    if (has(column)) return [];
    const hint = `It has ${[...shape.columns.keys()].join(', ')}.`;
    return [{ path: 'outbox', message: `${outbox.table} has no column ${column}`, hint }];
  });
  if (problems.length > 0) throw new ConfigError(problems);
  const byColumns = has('last_error') ? 'last_error is not null' : has('attempts') ? 'attempts > 0' : undefined;
  return {
    shape,
    pending: outbox.pending ?? `${quoteIdentifier(outbox.processedAt)} is null`,
    failed: outbox.failed ?? byColumns,
    id: quoteIdentifier(outbox.id),
    idType: shape.columns.get(outbox.id)!.baseType,
    createdAt: quoteIdentifier(outbox.createdAt),
    processedAt: has(outbox.processedAt) ? quoteIdentifier(outbox.processedAt) : undefined,
  };
}

/** The columns by which events name their records. */
export function namingColumns({ entity, key, entities }: NamingConfig): readonly string[] {
  const paths = [entity, ...key, ...[...entities.values()].flat().flatMap((named) => named.key ?? [])];
  return [...new Set(paths.map(([column]) => column!))];
}
