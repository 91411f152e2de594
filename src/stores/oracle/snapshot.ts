// How a scan sees one moment. AS OF SCN is the best: the number stands for the moment, wherever it is used. It wants a right to learn the number
// and, on another schema's table, the right to look back. A read-only transaction wants none.

import { StoreError } from '../../errors.ts';
import { READ_ONLY_SQL, SCN_SQLS } from './dictionary-sql.ts';
import { codeOf, isTransient } from './failure.ts';
import type { TableName } from './names.ts';
import type { OracleOptions } from './options.ts';
import type { Connection, Session } from './session.ts';
import { probeScnSql } from './sql.ts';

export interface SnapshotMode {
  readonly kind: 'scn' | 'readOnly' | 'none';
  /** For the report. */
  readonly note: string;
  /** Why what the config asks for can't be had. */
  readonly problem?: string;
}

/** Which way is open for this table. Reads no record. */
export async function chooseSnapshot(
  session: Session,
  connection: Connection,
  table: TableName,
  wanted: OracleOptions['snapshot'],
): Promise<SnapshotMode> {
  if (wanted === 'none') return { kind: 'none', note: 'a scan is one statement, which sees one moment' };
  const readOnly = { kind: 'readOnly', note: 'a scan is one read-only transaction' } as const;
  if (wanted === 'readOnly') return readOnly;
  const reason = await whyNoScn(session, connection, table);
  if (reason === undefined) return { kind: 'scn', note: 'a scan reads as of one system change number' };
  const problem = wanted === 'scn' ? `snapshot: scn is not permitted: ${reason}` : undefined;
  return { ...readOnly, note: `${readOnly.note}, as AS OF SCN is not permitted (${reason})`, problem };
}

async function whyNoScn(session: Session, connection: Connection, table: TableName): Promise<string | undefined> {
  try {
    await session.query(connection, probeScnSql(table, await currentScn(session, connection)));
    return undefined;
  } catch (error) {
    if (isTransient(error) && codeOf(error) !== 'ORA-01466' && codeOf(error) !== 'ORA-08181') throw error;
    return error instanceof StoreError ? error.detail : (codeOf(error) ?? 'an error');
  }
}

/** Makes the connection see one moment; what it returns is for `scanSql`. */
export async function beginSnapshot(
  session: Session,
  connection: Connection,
  { kind }: SnapshotMode,
): Promise<string | undefined> {
  if (kind === 'scn') return currentScn(session, connection);
  if (kind === 'readOnly') await connection.execute(READ_ONLY_SQL);
  return undefined;
}

/** Throws the first way's error where none is permitted. */
async function currentScn(session: Session, connection: Connection): Promise<string> {
  let failure: unknown;
  for (const sql of SCN_SQLS) {
    try {
      const rows = await session.query(connection, sql);
      return String(rows[0]![0]);
    } catch (error) {
      if (isTransient(error)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}
