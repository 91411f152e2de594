// A failback as the engine sees it: every table an entity, one server the source and the other its one replica. So nothing of comparing is new here.

import type { Config, EntityConfig, FailbackConfig, FailbackServer, FieldConfig } from '../config/config.ts';
import type { Table } from './catalog.ts';
import type { Side } from './sides.ts';

/** Milliseconds that a difference has to stand while somebody still writes. */
const MAX_LAG = 100;

/** `source` is compared with, or written as, the store `side`. */
export function asConfig(
  config: Config,
  tables: readonly Table[],
  { source, side, store }: { readonly source: FailbackServer; readonly side: Side; readonly store: FailbackServer },
): Config {
  const entities = tables.map((table): EntityConfig => {
    const fields = new Map<string, FieldConfig>();
    for (const name of sensitiveColumns(config, table)) fields.set(name, { sensitive: true });
    // The server fills them by itself, from what is compared.
    for (const { name, generated } of table.columns) if (generated !== null) fields.set(name, { ignore: true });
    const replica = {
      name: `${side}.${table.name}`,
      store: side,
      target: table.qualified,
      naming: 'asIs',
      maxLag: MAX_LAG,
      fields,
      onlyListed: false,
      options: {},
      cache: false,
    } as const;
    const { version } = timesOf(config, table);
    return { name: table.name, table: table.qualified, version, touches: new Map(), replicas: [replica] };
  });
  return {
    ...config,
    source: { ...config.source, ...source },
    stores: new Map([[side, { name: side, kind: 'postgres', url: store.url, options: { tls: store.tls } }]]),
    entities,
    health: { probes: [], assumed: true },
    queues: new Map(),
    outbox: undefined,
    alerts: [],
  };
}

/** The columns that tell when a row changed, and when it was made; undefined: none does. */
export function timesOf(config: Config, table: Table): Pick<FailbackConfig, 'version' | 'created'> {
  const { failback } = config;
  const rule = ruleOf(config, table);
  const has = (name: string | undefined) =>
    name !== undefined && table.columns.some((column) => column.name === name) ? name : undefined;
  const entity = entitiesOf(config, table).find(({ version }) => version !== undefined);
  return {
    version: has(rule.version) ?? has(entity?.version) ?? has(failback!.version),
    created: has(rule.created) ?? has(failback!.created),
  };
}

export function ruleOf({ failback }: Config, { name, qualified }: Table) {
  return failback!.rules.get(name) ?? failback!.rules.get(qualified) ?? {};
}

function sensitiveColumns(config: Config, table: Table): readonly string[] {
  return entitiesOf(config, table).flatMap(({ replicas }) =>
    replicas.flatMap(({ fields }) => [...fields].flatMap(([name, { sensitive }]) => (sensitive ? [name] : []))),
  );
}

function entitiesOf({ entities }: Config, { name, qualified }: Table): readonly EntityConfig[] {
  return entities.filter(({ table }) => table === name || table === qualified);
}
