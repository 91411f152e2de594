// Repairs one replica from its findings: looks again at each on both sides, decides anew, writes conditionally, reads back. It never scans.

import { compareRecord } from '../confirm/compare-record.ts';
import { type ConfirmOptions, confirm } from '../confirm/confirm.ts';
import { InterruptedError } from '../errors.ts';
import { type Key, keyText } from '../mapping/mapping.ts';
import type { ReadyReplica } from '../plan/plan.ts';
import { byKey } from '../postgres/relation.ts';
import type { Finding, RepairReport } from '../report/report.ts';
import type { Change, FetchedRow, Outcome } from '../stores/store.ts';
import { actionFor, type PlannedRepair, type RepairPolicy } from './limits.ts';

export interface RepairContext {
  readonly replica: ReadyReplica;
  readonly policy: RepairPolicy;
  /** Fetches and settling rules, for looking before and reading back after. */
  readonly confirm: ConfirmOptions;
  /** Told of every batch before it is written: where the journal goes. */
  readonly beforeWrite: (changes: readonly Change[]) => Promise<void>;
  readonly onRecords: (records: number) => void;
  readonly signal?: AbortSignal;
}

const ERRORS_SHOWN = 10;
/** Times that a record which did not come out equal is tried: it may have moved between our look and our write. */
const ATTEMPTS = 3;

/** Writes what the findings call for. `found`: drifted records in all, of which `planned.left` stay as they are. Throws StoreErrors of the servers. */
export async function repairReplica(
  findings: AsyncIterable<Finding>,
  planned: PlannedRepair,
  found: number,
  context: RepairContext,
): Promise<RepairReport> {
  const outcomes = { written: 0, unchanged: 0, moved: 0, refused: 0 };
  const errors: string[] = [];
  const verified = { read: 0, equal: 0 };
  for await (const batch of batchesOf(findings, context)) {
    if (context.signal?.aborted) throw new InterruptedError();
    let keys: readonly Key[] = batch;
    for (let attempt = 1; keys.length > 0; attempt++) {
      const results = await repairKeys(keys, context);
      const again: Key[] = [];
      const unequal = await readBack(keys, context);
      keys.forEach((key, i) => {
        const result = results[i]!;
        const equal = !unequal.has(keyText(key));
        if (!equal && result.outcome !== 'refused' && attempt < ATTEMPTS) {
          again.push(key);
          return;
        }
        outcomes[result.outcome]++;
        if (result.outcome === 'refused' && errors.length < ERRORS_SHOWN)
          errors.push(`${keyText(key)}: ${result.error}`);
        verified.read++;
        if (equal) verified.equal++;
      });
      keys = again;
    }
    context.onRecords(batch.length);
  }
  const { left, ...actions } = planned;
  return { applied: true, planned: actions, outcomes, left, errors, verified, remaining: found - verified.equal };
}

/** Keys of the findings that call for a write, in batches that one fetch and one apply take. */
async function* batchesOf(findings: AsyncIterable<Finding>, context: RepairContext): AsyncGenerator<readonly Key[]> {
  const { replica, policy } = context;
  const size = Math.min(replica.store.limits.applyChanges, context.confirm.keysPerLook);
  let batch: Key[] = [];
  for await (const finding of findings) {
    if (finding.replica !== replica.config.name || actionFor(finding.class, policy) === undefined) continue;
    batch.push(replica.replica.mapping.key.map((field) => finding.key[field.name]!));
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Looks at each key as it is now and makes the change that it calls for now, whatever the finding said. One outcome a key. */
async function repairKeys(keys: readonly Key[], context: RepairContext): Promise<readonly Outcome[]> {
  const { replica, policy } = context;
  // The replica first, then the source: a source row can then only be newer than what it is to replace.
  const held = byKey(await context.confirm.fetchReplica(keys));
  const source = byKey(await context.confirm.fetchSource(keys));
  const outcomes: Outcome[] = keys.map(() => ({ outcome: 'unchanged' }));
  const changes: { readonly position: number; readonly change: Change }[] = [];
  keys.forEach((key, position) => {
    const records = (held.get(keyText(key)) ?? []) as readonly FetchedRow[];
    const difference = compareRecord(replica.replica.mapping, source.get(keyText(key)) ?? [], records);
    if (difference === undefined) return;
    const action = actionFor(difference.class, policy);
    if (action === undefined) outcomes[position] = { outcome: 'moved' };
    else if (action === 'insert') changes.push({ position, change: { kind: 'insert', row: difference.source! } });
    else if (action === 'delete')
      for (const expected of records) changes.push({ position, change: { kind: 'delete', expected } });
    else {
      const change: Change = {
        kind: 'update',
        row: difference.source!,
        fields: difference.fields!,
        expected: records[0]!,
      };
      changes.push({ position, change });
    }
  });
  if (changes.length === 0) return outcomes;
  const wanted = changes.map((entry) => entry.change);
  await context.beforeWrite(wanted);
  const applied = await replica.store.apply(replica.replica, wanted);
  changes.forEach(({ position }, i) => {
    outcomes[position] = worse(outcomes[position]!, applied[i]!);
  });
  return outcomes;
}

const SEVERITY = { unchanged: 0, written: 1, moved: 2, refused: 3 } as const;

/** A key that took two changes (copies of an orphan) has the worse of their outcomes. */
function worse(a: Outcome, b: Outcome): Outcome {
  return SEVERITY[b.outcome] >= SEVERITY[a.outcome] ? b : a;
}

/** The keys, as text, that still differ: the same confirm as after a comparison. */
async function readBack(keys: readonly Key[], context: RepairContext): Promise<ReadonlySet<string>> {
  const unequal = new Set<string>();
  const candidates = (async function* () {
    for (const key of keys) yield { key, seenAt: Date.now() };
  })();
  for await (const verdict of confirm(candidates, { ...context.confirm, nominated: false })) {
    if (verdict.kind === 'finding') unequal.add(keyText(verdict.key));
  }
  return unequal;
}
