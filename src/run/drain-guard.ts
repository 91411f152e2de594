// What refuses a drain before its first write: the wrong database, a standby, a role that may not write, words that nobody knows, more than the limits.

import type { Config, ContingencyConfig } from '../config/config.ts';
import type { Gathered } from '../contingency/gather.ts';
import type { SourceTable } from '../contingency/source-table.ts';
import type { WriterServer } from '../contingency/writer-server.ts';
import { ConfigError, type Problem, RefusedError } from '../errors.ts';
import { isReady, type Plan } from '../plan/plan.ts';
import type { Source } from '../source/source.ts';

/** Throws a RefusedError. `reader`: what the source's own URL leads to. */
export function checkServer(contingency: ContingencyConfig, writer: WriterServer, reader: WriterServer): void {
  const refuse = (message: string, hint: string) => {
    throw new RefusedError(message, undefined, { hint });
  };
  if (writer.isStandby || reader.isStandby) {
    refuse(
      'the source is a standby in recovery: it takes no writes',
      'Promote it, or let source.url and contingency.writerUrl name the primary; --watch waits until it is one.',
    );
  }
  if (writer.database !== contingency.database) {
    refuse(
      `the writer's database is ${writer.database}, contingency.database says ${contingency.database}`,
      'Correct the URL, or contingency.database if that is the database which was down.',
    );
  }
  if (writer.life !== reader.life || writer.database !== reader.database) {
    refuse(
      'source.url and contingency.writerUrl lead to different servers or databases',
      'They differ in user and password alone.',
    );
  }
  if (contingency.system !== undefined && contingency.system !== writer.system) {
    refuse(
      `the server's system identifier is ${writer.system}, contingency.system says ${contingency.system}`,
      'This is another cluster than the one which was down: a copy, or a restored one of a new initdb. Correct the URL, or contingency.system.',
    );
  }
}

/** Throws a ConfigError: nobody may take what the config does not know for drained. */
export function checkWords({ unknown }: Gathered, { entities, file }: Config): void {
  if (unknown.size === 0) return;
  const known = entities.filter(({ table }) => table !== undefined).map(({ name }) => name);
  const problems = [...unknown].map(([word, count]): Problem => {
    const writes = count === 1 ? '1 write is' : `${count.toLocaleString('en')} writes are`;
    return {
      path: 'contingency.entities',
      message: `${writes} about ${JSON.stringify(word)}, which names no entity with a table`,
      hint: `Say there which of ${known.join(', ')} it is, or under contingency.leave that it stays where it is.`,
    };
  });
  throw new ConfigError(problems, file);
}

/** Throws a ConfigError for tables that can't be written. */
export function checkTables(tables: Iterable<SourceTable>, file: string): void {
  const problems = [...tables].flatMap(({ ready }) =>
    ready.inspection.writeProblems.map((problem) => ({ ...problem, path: ready.config.name })),
  );
  if (problems.length > 0) throw new ConfigError(problems, file);
}

export interface DrainLimits {
  readonly maxRows: number;
  readonly maxDeletes: number;
}

/** Throws a RefusedError that names the flag. */
export function checkDrainLimits(writes: number, deletes: number, { maxRows, maxDeletes }: DrainLimits): void {
  const number = (count: number) => count.toLocaleString('en');
  if (deletes > maxDeletes) {
    const message = `${number(deletes)} rows to delete from the source are more than the limit of ${number(maxDeletes)}`;
    throw new RefusedError(message, `--max-deletes ${deletes}`);
  }
  if (writes > maxRows) {
    const message = `${number(writes)} writes are more than the limit of ${number(maxRows)}`;
    throw new RefusedError(message, `--max-rows ${writes}`);
  }
}

/** Throws a RefusedError where a table is empty and a replica of it is not: that is no database which was down, but one that was made anew. */
export async function checkNotEmpty(source: Source, plan: Plan, written: ReadonlySet<string>): Promise<void> {
  for (const { entity, relation, replicas } of plan.entities) {
    if (!written.has(entity.name)) continue;
    const [row] = await source.session.query(
      'look',
      `select exists (select 1 from ${relation.shape.from} as r) as some`,
    );
    const full = replicas.find((replica) => isReady(replica) && replica.inspection.estimatedRows > 0);
    if (row!.some === 't' || full === undefined) continue;
    throw new RefusedError(
      `the source's table of ${entity.name} is empty while ${full.config.name} holds records`,
      '--force-empty',
      { hint: 'Restore it first: a drain brings back only what was written during the outage.' },
    );
  }
}
