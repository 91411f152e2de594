// Which entities' changes touch an entity: read from the config, checked against the source before a row is read.

import type { Config, EntityConfig } from '../config/config.ts';
import { ConfigError, type Problem, StoreError } from '../errors.ts';
import type { Mapping } from '../mapping/mapping.ts';
import { type Source, type Touch, touchedSql } from '../source/source.ts';
import { sourceKey } from './make-mapping.ts';

/** What touches the entity whose key is given. Throws a ConfigError for a query that the source won't take or that gives no such keys. */
export async function touchesOf(
  config: Config,
  source: Source,
  touched: EntityConfig,
  key: Mapping['key'],
): Promise<readonly Touch[]> {
  const problems: Problem[] = [];
  const touches: Touch[] = [];
  for (const entity of config.entities) {
    const sql = entity.touches.get(touched.name);
    if (sql === undefined) continue;
    const path = `entities.${entity.name}.touches.${touched.name}`;
    const shape = await source.shapeOf(entity);
    if (shape === null) {
      problems.push({ path, message: `the source has no table ${entity.table}` });
      continue;
    }
    const touch: Touch = {
      entity: entity.name,
      changed: { shape, side: 'source', where: entity.where },
      key: sourceKey(entity, shape),
      since: entity.since ?? entity.version,
      sql,
    };
    problems.push(...(await problemsOf(source, touch, key, path)));
    touches.push(touch);
  }
  if (problems.length > 0) throw new ConfigError(problems, config.file);
  return touches;
}

async function problemsOf(source: Source, touch: Touch, key: Mapping['key'], path: string): Promise<Problem[]> {
  try {
    const { columns } = await source
      .shapeOf({ sql: `select * from ${touchedSql(touch, 'true')}` })
      .then((shape) => shape!);
    const absent = key.filter((field) => !columns.has(field.name)).map((field) => field.name);
    if (absent.length === 0) return [];
    const has = [...columns.keys()].join(', ');
    return [
      {
        path,
        message: `the query gives no column ${absent.join(', ')}`,
        hint: `It gives ${has}; name them as the touched key's columns.`,
      },
    ];
  } catch (error) {
    if (!(error instanceof StoreError) || error.transient) throw error;
    return [
      { path, message: error.detail, hint: 'It is a query over `changed`, which has the columns of the changed rows.' },
    ];
  }
}
