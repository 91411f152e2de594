// Counts what became of the writes of an undone run, by replica, and hands on what was left alone.

import type { Config } from '../config/config.ts';
import { entityOfSourceName } from '../contingency/source-table.ts';
import { isReady, type Plan, type ReadyReplica } from '../plan/plan.ts';
import type { RunProblem } from '../report/report.ts';
import type { Undone, UndoOutcome } from './undo.ts';
import type { Left, UndoneReplica } from './undo-report.ts';

export class UndoTally {
  readonly ready = new Map<string, ReadyReplica>();
  private readonly outcomes = new Map<string, Record<UndoOutcome, number>>();
  private readonly left = new Map<string, Left[]>();
  private readonly names: readonly string[];
  private readonly config: Config;
  private readonly shown: number;
  private readonly keep: (left: Left) => Promise<void>;

  constructor(names: readonly string[], config: Config, shown: number, keep: (left: Left) => Promise<void>) {
    this.names = names;
    this.config = config;
    this.shown = shown;
    this.keep = keep;
    for (const name of names) {
      this.outcomes.set(name, { restored: 0, unchanged: 0, anew: 0, moved: 0, refused: 0 });
      this.left.set(name, []);
    }
  }

  /** Takes the replicas that can be reached; says why the others can't. */
  usePlan(plan: Plan): readonly RunProblem[] {
    const problems: RunProblem[] = [];
    for (const replica of plan.entities.flatMap((entity) => entity.replicas)) {
      if (isReady(replica)) this.ready.set(replica.config.name, replica);
      else problems.push(replica.problem);
    }
    return problems;
  }

  async add(batch: readonly Undone[]): Promise<void> {
    for (const { replica, key, outcome, why } of batch) {
      this.outcomes.get(replica)![outcome]++;
      if (outcome !== 'moved' && outcome !== 'refused') continue;
      const fields = this.ready.get(replica)!.replica.mapping.key;
      const named = Object.fromEntries(fields.map((field, i) => [field.name, key[i] ?? '']));
      const left: Left = { replica, key: named, outcome, why: why ?? '' };
      await this.keep(left);
      const shown = this.left.get(replica)!;
      if (shown.length < this.shown) shown.push(left);
    }
  }

  /** What was put back there was taken back with its transaction. */
  takeBack(names: readonly string[]): void {
    for (const name of names) {
      const outcomes = this.outcomes.get(name)!;
      outcomes.refused += outcomes.restored;
      outcomes.restored = 0;
    }
  }

  replicas(): readonly UndoneReplica[] {
    return this.names.map((name) => {
      const source = entityOfSourceName(this.config, name);
      const entity =
        source ?? this.config.entities.find(({ replicas }) => replicas.some((replica) => replica.name === name))!;
      const store = source === undefined ? entity.replicas.find((one) => one.name === name)!.store : 'source';
      const { anew, ...outcomes } = this.outcomes.get(name)!;
      return { name, entity: entity.name, store, outcomes, ...(anew > 0 && { anew }), left: this.left.get(name)! };
    });
  }
}
