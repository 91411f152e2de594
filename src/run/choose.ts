// Which records of each entity a run compares: all of them, or those that its options choose. Reads no row.

import type { Config } from '../config/config.ts';
import { ConfigError, type Problem } from '../errors.ts';
import type { Key, Mapping } from '../mapping/mapping.ts';
import { readKey } from '../mapping/read-key.ts';
import type { EntityPlan, Plan } from '../plan/plan.ts';
import { touchesOf } from '../plan/touches.ts';
import type { Choice, Source } from '../source/source.ts';
import { ValueError } from '../value/canonical.ts';
import type { Scope } from './compare-replica.ts';
import type { RunOptions } from './options.ts';

export type Chosen =
  | { readonly kind: 'all' }
  /** `mayBeDeleted`: that a key stands on neither side is an answer, and has to be proven. */
  | { readonly kind: 'keys'; readonly keys: readonly Key[]; readonly mayBeDeleted?: true }
  | { readonly kind: 'choice'; readonly choice: Choice; readonly words: string }
  | Extract<Scope, { kind: 'findings' }>;

/** Throws a ConfigError for a choice that can't be made. */
export async function choose(
  config: Config,
  source: Source,
  plan: Plan,
  options: RunOptions,
): Promise<(entity: EntityPlan) => Chosen> {
  const { keys, since, sample } = options;
  if (keys !== undefined) {
    const entity = theOnly(plan);
    const chosen: Chosen = { kind: 'keys', keys: keys.map((key) => parseKey(entity.entity.name, entity.key, key)) };
    return () => chosen;
  }
  if (since !== undefined) {
    const windows = await windowsOf(config, source, plan, since);
    return (entity) => windows.get(entity)!;
  }
  if (sample !== undefined) {
    const words = `(a ${+(sample * 100).toPrecision(3)} % sample)`;
    return () => ({ kind: 'choice', choice: { sample }, words });
  }
  return () => ({ kind: 'all' });
}

/** Whether only chosen keys are looked up, so that orphans can't be seen. */
export function isLookup({ keys, from, since, sample }: RunOptions): boolean {
  return [keys, from, since, sample].some((choice) => choice !== undefined);
}

/** A key as a person writes it, in canonical values. Throws a ConfigError. */
export function parseKey(entity: string, fields: Mapping['key'], key: readonly string[]): Key {
  if (key.length !== fields.length) {
    const names = fields.map((field) => field.name).join(', ');
    const message = `${JSON.stringify(key)} has ${key.length} parts, the key of ${entity} has ${fields.length}: ${names}`;
    throw new ConfigError([{ path: '--key', message, hint: 'Give the parts as a JSON array, in that order.' }]);
  }
  try {
    return readKey(fields, key);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ConfigError([{ path: '--key', message: error.message }]);
  }
}

function theOnly(plan: Plan): EntityPlan {
  if (plan.entities.length === 1) return plan.entities[0]!;
  const names = plan.entities.map((entity) => entity.entity.name).join(', ');
  throw new ConfigError([
    {
      path: '--key',
      message: `keys of which entity? ${names} are chosen`,
      hint: 'Name one entity or replica beside the keys.',
    },
  ]);
}

/** Throws a ConfigError where an entity has no time to cut by and nothing touches it. */
async function windowsOf(
  config: Config,
  source: Source,
  plan: Plan,
  milliseconds: number,
): Promise<ReadonlyMap<EntityPlan, Chosen>> {
  const problems: Problem[] = [];
  const windows = new Map<EntityPlan, Chosen>();
  for (const entityPlan of plan.entities) {
    const { entity, relation, key } = entityPlan;
    const touches = await touchesOf(config, source, entity, key);
    // A query's own version could only be cut by after all of it has been computed; what touches it says which rows need be.
    const isComputed = entity.sql !== undefined && touches.length > 0;
    const column = entity.since ?? (isComputed ? undefined : entity.version);
    const path = `entities.${entity.name}.${entity.since === undefined ? 'version' : 'since'}`;
    const kind = column === undefined ? undefined : (relation.shape.columns.get(column)?.type.kind ?? 'absent');
    const timeless = touches.find((touch) => touch.since === undefined);
    if (kind === 'absent') problems.push({ path, message: `the source has no column ${column}` });
    else if (timeless !== undefined) {
      const message = `it touches ${entity.name}, but has no version or since to cut --since by`;
      problems.push({
        path: `entities.${timeless.entity}`,
        message,
        hint: 'Name the column that says when a row changed.',
      });
    } else if (kind === undefined && touches.length === 0) {
      problems.push({
        path,
        message: '--since needs a version: a timestamp that grows with each change',
        hint: `Name it, or say under \`touches\` of another entity how its changes lead to ${entity.name}, or choose other replicas.`,
      });
    } else if (touches.length === 0 && kind !== 'timestamp' && kind !== 'date') {
      problems.push({ path, message: `--since needs a timestamp, ${column} is ${kind}` });
    } else {
      const isTime = kind === 'timestamp' || kind === 'date';
      const since = { column: isTime ? column : undefined, milliseconds };
      const words = `of the last ${durationWords(milliseconds)}`;
      windows.set(
        entityPlan,
        touches.length === 0
          ? { kind: 'choice', choice: { since: { column: column!, milliseconds } }, words }
          : {
              kind: 'choice',
              choice: { touches, since },
              words: `touched by ${listOf(touches.map((touch) => touch.entity))} ${words}`,
            },
      );
    }
  }
  if (problems.length > 0) throw new ConfigError(problems, config.file);
  return windows;
}

function listOf(names: readonly string[]): string {
  return [...new Set(names)].join(' and ');
}

function durationWords(milliseconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  const unit = units.find(([, size]) => milliseconds % size === 0);
  return unit === undefined ? `${milliseconds} ms` : `${milliseconds / unit[1]}${unit[0]}`;
}
