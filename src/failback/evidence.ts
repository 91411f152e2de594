// What is known of the two rows of a key: their values, and when each was written and made. Reads; decides nothing.

import type { Key, Mapping } from '../mapping/mapping.ts';
import { decodeRow, keyParameters, type Relation, rowsByKeySql } from '../postgres/relation.ts';
import { type Asking, quoteIdentifier, quoteLiteral } from '../postgres/session.ts';
import type { FetchedRow } from '../stores/store.ts';

/** Where times come from in one table of one server. */
export interface Clock {
  /** Columns; undefined: none that tells a moment. */
  readonly version?: string;
  readonly created?: string;
  /** Of columns without a zone. */
  readonly timeZone?: string;
  /**
   * The server keeps commit times, and its transactions are those of the other one up to where they parted. The oldest transaction whose time it
   * keeps, if that is known: what an older one wrote was there before.
   */
  readonly commits: { readonly oldest: string | undefined } | undefined;
}

/** Times are microseconds since 1970. */
export interface Evidence {
  readonly row: FetchedRow;
  /** When the transaction that wrote it was committed. */
  readonly committed?: bigint;
  readonly changed?: bigint;
  readonly created?: bigint;
}

/** By key's text, in batches of the caller's. Absent keys are left out. */
export async function fetchEvidence(
  session: Asking,
  relation: Relation,
  mapping: Mapping,
  keys: readonly Key[],
  clock: Clock,
): Promise<readonly Evidence[]> {
  const extra = [
    'ctid::text as row_id',
    'xmin::text as row_version',
    `${commitSql(clock)} as committed_at`,
    `${momentSql(relation, clock.version, clock.timeZone)} as changed_at`,
    `${momentSql(relation, clock.created, clock.timeZone)} as created_at`,
  ];
  const rows = await session.query(
    `fetch ${keys.length} keys`,
    rowsByKeySql(relation, mapping, `, ${extra.join(', ')}`),
    keyParameters(keys, mapping.key.length),
  );
  return rows.map((row): Evidence => {
    const moment = (name: string) => (row[name] == null ? undefined : BigInt(row[name]!));
    return {
      row: { ...decodeRow(relation, mapping, row), token: [row.row_id, row.row_version] },
      committed: moment('committed_at'),
      changed: moment('changed_at'),
      created: moment('created_at'),
    };
  });
}

/** The columns that tell moments. Others (a counter, a date, a time without a zone of which nobody knows the zone) tell only which is newer. */
export function tellsMoment(relation: Relation, column: string | undefined, timeZone: string | undefined): boolean {
  const type = column === undefined ? undefined : relation.shape.columns.get(column)?.baseType;
  return type === 'timestamp with time zone' || (type === 'timestamp without time zone' && timeZone !== undefined);
}

function commitSql({ commits }: Clock): string {
  if (commits === undefined) return 'null';
  const { oldest } = commits;
  const known =
    oldest === undefined
      ? 'null'
      : `case when age(xmin) > age('${oldest}'::xid) then pg_xact_commit_timestamp('${oldest}'::xid) end`;
  return `(extract(epoch from coalesce(pg_xact_commit_timestamp(xmin), ${known})) * 1000000)::int8::text`;
}

function momentSql(relation: Relation, column: string | undefined, timeZone: string | undefined): string {
  if (column === undefined || !tellsMoment(relation, column, timeZone)) return 'null';
  const name = quoteIdentifier(column);
  const zoned = relation.shape.columns.get(column)!.baseType === 'timestamp with time zone';
  const moment = zoned ? name : `(${name} at time zone ${quoteLiteral(timeZone!)})`;
  return `case when isfinite(${name}) then (extract(epoch from ${moment}) * 1000000)::int8::text end`;
}
