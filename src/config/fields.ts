// The fields of one replica: the entity's words, overridden key by key by the replica's.

import type { Loose } from './check.ts';
import type { FieldConfig } from './config.ts';
import { parseDuration } from './duration.ts';
import { applyNaming, type Naming } from './naming.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawEntity, RawFieldWords, RawReplica } from './schema.ts';
import type { Path } from './yaml-tree.ts';

export interface FieldsGiven {
  readonly entityName: string;
  readonly entity: Loose<RawEntity> & { readonly key?: readonly string[] };
  readonly replica: Loose<RawReplica>;
  /** The replica's place in the entity's list. */
  readonly index: number;
  readonly naming: Naming;
}

type Words = Loose<RawFieldWords>;

export function resolveFields(given: FieldsGiven, problems: ProblemList): ReadonlyMap<string, FieldConfig> {
  const { entityName, entity, replica, index, naming } = given;
  const entityPath = ['entities', entityName];
  const replicaPath = [...entityPath, 'replicas', index];
  const pathOf = (column: string): Path => [
    ...(fieldOf(replica, column) === undefined ? entityPath : replicaPath),
    'fields',
    column,
  ];
  const ignored = new Set((replica.ignore ?? []).filter((column) => column !== undefined));
  const columns = new Set([...Object.keys(entity.fields ?? {}), ...Object.keys(replica.fields ?? {}), ...ignored]);
  const fields = new Map<string, FieldConfig>();
  for (const column of columns) {
    const own = wordsOf(fieldOf(replica, column));
    if (contradicts(own, ignored.has(column))) {
      problems.add([...replicaPath, 'fields', column], 'is both ignored and mapped', {
        hint: 'Take it out of ignore, or out of fields.',
        at: 'key',
      });
    }
    const merged = { ...wordsOf(fieldOf(entity, column)), ...own };
    // Mapping a column in one replica takes it back from an entity that ignores it.
    if (ignored.has(column)) merged.ignore = true;
    else if (maps(own) && own.ignore === undefined) merged.ignore = undefined;
    fields.set(column, fieldConfig(merged));
  }
  checkKey(given, fields, pathOf, ignored, problems);
  checkTargets(given, fields, pathOf, naming, problems);
  return fields;
}

/** A column may be named `constructor`. */
function fieldOf({ fields }: Pick<Loose<RawReplica>, 'fields'>, column: string): string | Words | undefined {
  return fields !== undefined && Object.hasOwn(fields, column) ? fields[column] : undefined;
}

function wordsOf(given: string | Words | undefined): Words {
  return typeof given === 'string' ? { to: given } : (given ?? {});
}

function maps({ to, type, tolerance, case: letters, map }: Words): boolean {
  return [to, type, tolerance, letters, map].some((word) => word !== undefined);
}

function contradicts(own: Words, ignored: boolean): boolean {
  if (ignored) return maps(own) || own.ignore === false;
  return maps(own) && own.ignore === true;
}

function fieldConfig({ to, type, tolerance, case: letters, map, ignore, sensitive }: Words): FieldConfig {
  const isDuration = typeof tolerance === 'string' && /[a-z]/.test(tolerance);
  const entries = Object.entries(map ?? {}).filter(
    (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
  );
  return withoutAbsent({
    to,
    type,
    tolerance: isDuration
      ? (parseDuration(tolerance) ?? 0) * 1_000
      : tolerance === undefined
        ? undefined
        : Number(tolerance),
    toleranceIsDuration: isDuration || undefined,
    ignoreCase: letters === undefined ? undefined : letters === 'insensitive',
    map: map === undefined ? undefined : new Map(entries),
    ignore,
    sensitive,
  });
}

function withoutAbsent(field: FieldConfig): FieldConfig {
  return Object.fromEntries(Object.entries(field).filter(([, value]) => value !== undefined));
}

/** A key finds the record: it can't be left out, and near enough is not found. */
function checkKey(
  { entity, index, entityName }: FieldsGiven,
  fields: ReadonlyMap<string, FieldConfig>,
  pathOf: (column: string) => Path,
  ignored: ReadonlySet<string>,
  problems: ProblemList,
): void {
  for (const column of entity.key ?? []) {
    const field = fields.get(column);
    const list = ['entities', entityName, 'replicas', index, 'ignore'];
    if (field?.ignore) {
      problems.add(
        ignored.has(column) ? list : pathOf(column),
        `${problems.shown(column)} belongs to the key and can't be ignored`,
        { at: 'key' },
      );
    }
    if (field?.tolerance !== undefined) {
      problems.add([...pathOf(column), 'tolerance'], 'a key is equal or not; it has no tolerance', { at: 'key' });
    }
  }
}

/** Two columns in one field would overwrite each other. Columns that nobody lists are known to the plan only. */
function checkTargets(
  { entity }: FieldsGiven,
  fields: ReadonlyMap<string, FieldConfig>,
  pathOf: (column: string) => Path,
  naming: Naming,
  problems: ProblemList,
): void {
  const listed = new Set([
    ...(entity.key ?? []),
    ...(entity.version === undefined ? [] : [entity.version]),
    ...fields.keys(),
  ]);
  const byTarget = new Map<string, string>();
  for (const column of listed) {
    const field = fields.get(column);
    if (field?.ignore) continue;
    const target = field?.to ?? applyNaming(column, naming);
    const other = byTarget.get(target);
    byTarget.set(target, column);
    if (other === undefined) continue;
    problems.add(pathOf(column), `goes to ${problems.shown(target)}, as ${problems.shown(other)} does`, {
      hint: 'Give one of them another field, or ignore it.',
      at: 'key',
    });
  }
}
