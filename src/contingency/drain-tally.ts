// Counts what becomes of the writes, by entity, and keeps the first of what was left.

import type { Key } from '../mapping/mapping.ts';
import { type Applied, EFFECTS, type Effect } from './apply-batch.ts';
import type { DrainedEntity, LeftWrite } from './drain-report.ts';
import type { Item } from './gather.ts';
import type { Write } from './write.ts';

interface Counts {
  readonly effects: Record<Effect, number>;
  conflicts: number;
  readonly unnamed: Record<string, number>;
}

type What = { readonly entity?: string; readonly key?: Key };

export class DrainTally {
  deadWrites = 0;
  failedCount = 0;
  readonly dead: LeftWrite[] = [];
  readonly failedWrites: LeftWrite[] = [];
  private readonly entities = new Map<string, Counts>();
  private readonly shown: number;

  constructor(shown: number) {
    this.shown = shown;
  }

  applied({ entity, unnamed }: Pick<Write, 'entity' | 'unnamed'>, { effect, conflict }: Applied): void {
    const counts = this.countsOf(entity);
    counts.effects[effect]++;
    if (conflict !== undefined) counts.conflicts++;
    for (const name of unnamed) counts.unnamed[name] = (counts.unnamed[name] ?? 0) + 1;
  }

  /** It waits on where it is. */
  failed(item: Pick<Item, 'store' | 'id'>, error: string, what: What): void {
    this.failedCount++;
    if (what.entity !== undefined) this.countsOf(what.entity).effects.failed++;
    if (this.failedWrites.length < this.shown) this.failedWrites.push(leftWrite(item, error, what));
  }

  buried(item: Pick<Item, 'store' | 'id'>, error: string, what: What): void {
    this.deadWrites++;
    if (this.dead.length < this.shown) this.dead.push(leftWrite(item, error, what));
  }

  /** In this order; those that nothing was written about are left out. */
  inOrder(names: readonly string[]): readonly DrainedEntity[] {
    return names.flatMap((name) => {
      const counts = this.entities.get(name);
      return counts === undefined ? [] : [{ name, ...counts }];
    });
  }

  private countsOf(entity: string): Counts {
    const known = this.entities.get(entity);
    if (known !== undefined) return known;
    const effects = Object.fromEntries(EFFECTS.map((effect) => [effect, 0])) as Record<Effect, number>;
    const counts: Counts = { effects, conflicts: 0, unnamed: {} };
    this.entities.set(entity, counts);
    return counts;
  }
}

function leftWrite({ store, id }: Pick<Item, 'store' | 'id'>, error: string, { entity, key }: What): LeftWrite {
  return { store, id, entity, key, error };
}
