// Events of the outbox as a backlog: those that are still to be published, or all of a window.

import type { OutboxConfig } from '../config/config.ts';
import { ConfigError, InterruptedError } from '../errors.ts';
import { postgresTls, quoteIdentifier, Session } from '../postgres/session.ts';
import { type JsonTree, parseJson } from '../value/json.ts';
import type { Backlog, Item, Settler } from './backlog.ts';
import { namingColumns, type OutboxTable, readOutboxTable } from './outbox-table.ts';

interface EventItem extends Item {
  readonly hasFailed: boolean;
}

const PAGE = 500;

/** `since`: every event that was written in the last so many milliseconds, published or not. */
export function outboxBacklog(outbox: OutboxConfig, session: Session, since?: number): Backlog {
  const columns = namingColumns(outbox.naming);
  return {
    title: 'outbox',
    noun: 'event',
    async *items(signal) {
      const table = await readOutboxTable(session, outbox, columns);
      yield* readEvents(session, table, columns, since, signal);
    },
    settler: () => openMarker(outbox),
  };
}

/** In the order of their ids, a page at a time, in no snapshot: pages may lie minutes apart. */
async function* readEvents(
  session: Session,
  { shape, pending, failed = 'false', id, idType, createdAt }: OutboxTable,
  columns: readonly string[],
  since: number | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Item[]> {
  const wanted = since === undefined ? pending : `${createdAt} >= now() - interval '${since} milliseconds'`;
  const values = columns.map((column, i) => `to_jsonb(${quoteIdentifier(column)})::text as c${i}`);
  const sql = `select ${[`${id}::text as id`, `((${failed}) and (${pending})) is true as failed`, ...values].join(', ')}
     from ${shape.from} where (${wanted}) and ($1::text is null or ${id} > $1::${idType}) order by ${id} limit ${PAGE}`;
  for (let last: string | null = null; ; ) {
    if (signal?.aborted) throw new InterruptedError();
    const rows = await session.query('read the outbox', sql, [last]);
    if (rows.length > 0) {
      yield rows.map((row): EventItem => {
        const members = columns.map((column, i): [string, JsonTree] => [column, parseJson(row[`c${i}`] ?? 'null')]);
        return { id: row.id!, content: { members: new Map(members) }, hasFailed: row.failed === 't' };
      });
    }
    if (rows.length < PAGE) return;
    last = rows.at(-1)!.id!;
  }
}

/** Marks events as published, through the one URL that the config gives for it. */
async function openMarker(outbox: OutboxConfig): Promise<Settler> {
  const url = outbox.markUrl!;
  const tls = postgresTls(outbox.tls, url, 'source');
  const session = new Session({ name: 'outbox', url, tls, readOnly: false, connections: 1 });
  try {
    const { shape, pending, failed, id, idType, processedAt } = await readOutboxTable(session, outbox);
    if (failed === undefined || processedAt === undefined) {
      const message = failed === undefined ? 'it does not say which events failed' : `it has no ${outbox.processedAt}`;
      throw new ConfigError([{ path: 'outbox', message, hint: 'Without that no event can be marked as published.' }]);
    }
    const sql = `update ${shape.from} set ${processedAt} = now()
       where ${id} = any($1::text[]::${idType}[]) and (${pending}) and (${failed}) returning ${id}::text as id`;
    return {
      async settle(items) {
        const ids = items.filter((item) => (item as EventItem).hasFailed).map((item) => item.id);
        const rows = ids.length === 0 ? [] : await session.query(`mark ${ids.length} events`, sql, [ids]);
        const marked = new Set(rows.map((row) => row.id));
        return items.map((item) => {
          if (marked.has(item.id)) return undefined;
          return (item as EventItem).hasFailed ? 'moved on meanwhile' : 'not failed, so still the relay’s to publish';
        });
      },
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}
