// Tables of a server within one transaction, as a store: what a merge writes is journalled and applied as every repair is.

import { strict as assert } from 'node:assert';
import type { Key } from '../mapping/mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { decodeRow, keyParameters, type Relation, rowsByKeySql } from '../postgres/relation.ts';
import type { Transaction } from '../postgres/transaction.ts';
import { applyChanges } from '../stores/postgres/apply.ts';
import { captureImages } from '../stores/postgres/images.ts';
import type {
  Captured,
  Change,
  FetchedRow,
  Guarded,
  Inspection,
  Limits,
  Outcome,
  Replica,
  Restoring,
  Store,
} from '../stores/store.ts';

export class MergeStore implements Store, Restoring {
  readonly limits: Limits = { notes: [], fetchKeys: 1000, applyChanges: 1000 };
  readonly product = 'PostgreSQL';
  readonly restoring = this;
  private readonly transaction: Transaction;
  /** By target. */
  private readonly relations: ReadonlyMap<string, Relation>;

  constructor(transaction: Transaction, relations: ReadonlyMap<string, Relation>) {
    this.transaction = transaction;
    this.relations = relations;
  }

  async fetch(replica: Replica, keys: readonly Key[]): Promise<readonly FetchedRow[]> {
    if (keys.length === 0) return [];
    const relation = this.relationOf(replica);
    const rows = await this.transaction.query(
      `fetch ${keys.length} keys`,
      rowsByKeySql(relation, replica.mapping, ', ctid::text as row_id, xmin::text as row_version'),
      keyParameters(keys, replica.mapping.key.length),
    );
    return rows.map((row) => ({ ...decodeRow(relation, replica.mapping, row), token: [row.row_id, row.row_version] }));
  }

  apply(replica: Replica, changes: readonly Change[]): Promise<readonly Outcome[]> {
    return applyChanges(this.transaction, this.relationOf(replica), replica.mapping, changes);
  }

  async capture(replica: Replica, changes: readonly Guarded[]): Promise<readonly (Captured | undefined)[]> {
    const rows = changes.map(({ expected }) => expected);
    return rows.length === 0 ? [] : captureImages(this.transaction, this.relationOf(replica), replica.mapping, rows);
  }

  async inspect(): Promise<Inspection> {
    assert.fail('a table in a transaction is not inspected');
  }

  scan(): AsyncIterable<readonly FetchedRow[]> {
    assert.fail('a table in a transaction is not scanned');
  }

  async close(): Promise<void> {}

  private relationOf({ target }: Replica): Relation {
    const relation = this.relations.get(target);
    assert.ok(relation, target);
    return relation;
  }
}

/** A planned replica, written within the transaction under another name. */
export function withinTransaction(ready: ReadyReplica, name: string, store: MergeStore): ReadyReplica {
  return { ...ready, config: { ...ready.config, name }, store, replica: { ...ready.replica, name } };
}
