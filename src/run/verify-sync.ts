// verify-sync: one record in every store, side by side, with what depends on it: derived records and cached results.

import type { Config, EntityConfig } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { type Key, keyText } from '../mapping/mapping.ts';
import { sourceKey } from '../plan/make-mapping.ts';
import { type EntityPlan, isReady, type Plan, type ReadyReplica } from '../plan/plan.ts';
import { touchesOf } from '../plan/touches.ts';
import type { Relation } from '../postgres/relation.ts';
import { byKey } from '../postgres/relation.ts';
import type { RecordSides, ReplicaReport, Report, Subject } from '../report/report.ts';
import type { Source } from '../source/source.ts';
import { sameValue } from '../value/same-value.ts';
import { parseKey } from './choose.ts';
import { confirmOptions } from './compare-replica.ts';
import { checkKeysExist, comparePlan, planRun } from './find-drift.ts';
import { lockReplicas } from './locks.ts';
import type { GateOptions, RepairOptions, RunOptions } from './options.ts';
import { policyOf, repairDrift, replicaContext, replicaNames } from './repair-drift.ts';
import { type RunContext, runCommand } from './run.ts';

export interface VerifyOptions
  extends Omit<RunOptions, 'only' | 'keys' | 'since' | 'sample' | 'alerts'>,
    Omit<RepairOptions, keyof GateOptions> {
  /** Gives every mapped field of both sides, not only those that differ. */
  readonly fields?: boolean;
}

/**
 * Looks one record up on both sides, and the records of other entities that it touches; with `apply` repairs just those. `key`: its parts as text,
 * in the order of the entity's key. Throws ConfigError for an unknown entity or key.
 */
export function verifySync(
  config: Config,
  entityName: string,
  key: readonly string[],
  options: VerifyOptions = {},
): Promise<Report> {
  const entity = config.entities.find(({ name }) => name === entityName);
  if (entity === undefined) {
    const names = config.entities.map(({ name }) => name).join(', ');
    throw new ConfigError(
      [{ path: entityName, message: 'no entity has that name', hint: `Entities: ${names}.` }],
      config.file,
    );
  }
  const asked: RunOptions & RepairOptions = {
    keep: options.apply ?? false,
    ...options,
    only: [entity.name, ...entity.touches.keys()],
    // One record, by the hand of someone who looks at it.
    ignoreGates: true,
  };
  return runCommand('verify-sync', config, asked, async (context) => {
    const lock = await lockReplicas(
      context.connections.source,
      options.apply ? replicaNames(config, asked.only ?? []) : [],
    );
    try {
      const { subject, canonical } = await readSubject(config, context.connections.source, entity, key);
      const plan = await planRun(config, context, asked, true);
      const keys = await keysOf(config, context.connections.source, plan, entity, canonical);
      const drift = await comparePlan(config, context, asked, plan, ({ entity: { name } }) => ({
        kind: 'keys',
        keys: keys.get(name) ?? [],
      }));
      await context.folder.finish();
      const own = drift.replicas.filter((replica) => replica.entity === entity.name);
      if (!subject.exists && own.length > 0) checkKeysExist([key], own);
      const replicas = await Promise.all(
        drift.replicas.map((report) =>
          withRecords(report, plan, keys, config, context, asked, options.fields ?? false),
        ),
      );
      const seen = { ...drift, replicas };
      const result = options.apply
        ? await repairDrift(config, { ...context, lock }, seen, asked, policyOf(config, options))
        : seen;
      return { ...result, subject };
    } finally {
      await lock.release();
    }
  });
}

async function readSubject(
  config: Config,
  source: Source,
  entity: EntityConfig,
  key: readonly string[],
): Promise<{ readonly subject: Subject; readonly canonical: Key }> {
  const shape = await source.shapeOf(entity);
  if (shape === null) {
    const path = `entities.${entity.name}.table`;
    throw new ConfigError([{ path, message: `the source has no table ${entity.table}` }], config.file);
  }
  const fields = sourceKey(entity, shape);
  const canonical = parseKey(entity.name, fields, key);
  const isSecret = entity.replicas.some(({ fields }) => fields.get(entity.version ?? '')?.sensitive);
  const version = entity.version === undefined || isSecret ? undefined : shape.columns.get(entity.version);
  const mapping = {
    key: fields,
    fields:
      version === undefined ? [] : [{ name: version.name, target: version.name, type: version.type, nullable: true }],
  };
  const relation: Relation = { shape, side: 'source', where: entity.where };
  const [row] = await source.fetch(relation, mapping, [canonical]);
  return {
    canonical,
    subject: {
      entity: entity.name,
      key: Object.fromEntries(fields.map((field, i) => [field.name, canonical[i]!])),
      exists: row !== undefined,
      version: row?.values[0],
    },
  };
}

/** By entity: the record itself, and the keys of those that it touches as it is now. */
async function keysOf(
  config: Config,
  source: Source,
  plan: Plan,
  subject: EntityConfig,
  key: Key,
): Promise<ReadonlyMap<string, readonly Key[]>> {
  const keys = new Map<string, readonly Key[]>([[subject.name, [key]]]);
  for (const { entity, key: fields } of plan.entities) {
    if (entity.name === subject.name) continue;
    const touch = (await touchesOf(config, source, entity, fields)).find(({ entity: name }) => name === subject.name);
    keys.set(entity.name, touch === undefined ? [] : await source.touchedKeys(touch, [key], fields));
  }
  return keys;
}

/** Which records were looked at, and with `fields` what both sides hold in them. */
async function withRecords(
  report: ReplicaReport,
  plan: Plan,
  keys: ReadonlyMap<string, readonly Key[]>,
  config: Config,
  context: RunContext,
  options: RunOptions,
  fields: boolean,
): Promise<ReplicaReport> {
  const entityPlan = plan.entities.find(({ entity }) => entity.name === report.entity)!;
  const replica = entityPlan.replicas.find((one) => one.config.name === report.name);
  const asked = keys.get(report.entity) ?? [];
  const named = asked.map(
    (key): RecordSides => ({
      key: Object.fromEntries(entityPlan.key.map((field, i) => [field.name, key[i]!])),
    }),
  );
  if (!fields || replica === undefined || !isReady(replica) || report.status !== 'proven')
    return { ...report, records: named };
  return { ...report, records: await sidesOf(replica, entityPlan, asked, named, config, context, options) };
}

async function sidesOf(
  replica: ReadyReplica,
  entityPlan: EntityPlan,
  keys: readonly Key[],
  named: readonly RecordSides[],
  config: Config,
  context: RunContext,
  options: RunOptions,
): Promise<readonly RecordSides[]> {
  const { mapping } = replica.replica;
  const { fetchSource, fetchReplica } = confirmOptions(
    replicaContext(config, context, options, entityPlan),
    replica,
    false,
  );
  const source = byKey(await fetchSource(keys));
  const held = byKey(await fetchReplica(keys, (key) => ({ rows: source.get(keyText(key)) ?? [], places: [] })));
  return named.map((record, i) => {
    const text = keyText(keys[i]!);
    const [mine, theirs] = [source.get(text)?.[0], held.get(text)?.[0]];
    const fields = mapping.fields.map((field, index) => {
      const [a, b] = [mine?.values[index], theirs?.values[index]];
      const equal = a !== undefined && b !== undefined && sameValue(field, a, b);
      const { name, target, sensitive } = field;
      return sensitive ? { name, target, sensitive, equal } : { name, target, source: a, replica: b, equal };
    });
    return { ...record, fields };
  });
}
