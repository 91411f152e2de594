// verify-sync: one record in every store, side by side.

import type { Config } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { isReady } from '../plan/plan.ts';
import type { Report, Subject } from '../report/report.ts';
import { fromText } from '../value/canonical.ts';
import { type Drift, findDrift } from './find-drift.ts';
import type { RunOptions } from './options.ts';
import { type RunContext, runCommand } from './run.ts';

/** Looks one record up on both sides. `key`: its parts as text, in the order of the entity's key. Throws ConfigError for an unknown entity or key. */
export function verifySync(
  config: Config,
  entity: string,
  key: readonly string[],
  options: Omit<RunOptions, 'only' | 'keys' | 'since' | 'sample'> = {},
): Promise<Report> {
  if (!config.entities.some(({ name }) => name === entity)) {
    const names = config.entities.map(({ name }) => name).join(', ');
    throw new ConfigError(
      [{ path: entity, message: 'no entity has that name', hint: `Entities: ${names}.` }],
      config.file,
    );
  }
  const asked: RunOptions = { keep: false, ...options, only: [entity], keys: [key] };
  return runCommand('verify-sync', config, asked, async (context) => {
    const drift = await findDrift(config, context.connections, context.scheme, asked, (finding) =>
      context.folder.add(finding),
    );
    await context.folder.finish();
    return { ...drift, subject: await subjectOf(context, drift, entity, key) };
  });
}

async function subjectOf(context: RunContext, drift: Drift, entity: string, key: readonly string[]): Promise<Subject> {
  const entityPlan = drift.plan.entities.find((plan) => plan.entity.name === entity);
  const replica = entityPlan?.replicas.find(isReady);
  if (entityPlan === undefined || replica === undefined) return { entity, key: { key: key.join(', ') }, exists: null };
  const { mapping } = replica.replica;
  const canonical = mapping.key.map((field, i) => fromText(field.type, key[i]!));
  const [row] = await context.connections.source.fetch(entityPlan.relation, mapping, [canonical]);
  return {
    entity,
    key: Object.fromEntries(mapping.key.map((field, i) => [field.name, canonical[i]!])),
    exists: row !== undefined,
    version: mapping.version === undefined ? undefined : row?.values[mapping.version],
  };
}
