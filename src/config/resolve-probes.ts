// The probes of the file: their kinds' own words, and the servers and replicas that they name.

import { type ProbeKind, probeKinds } from '../health/probe-kinds.ts';
import { withAbsoluteFiles } from '../tls/tls.ts';
import type { Loose } from './check.ts';
import type { EntityConfig, HealthConfig, ProbeConfig } from './config.ts';
import { parseDuration } from './duration.ts';
import { checkOwnWords, omit } from './own-words.ts';
import type { Context } from './resolve.ts';
import { probeShape, type RawProbe } from './schema.ts';
import { addUnknown } from './unknown-name.ts';
import { checkOptions } from './urls.ts';

const DEFAULT_TIMEOUT = 5000;
/** The source is a PostgreSQL server: probes that only such a one can answer may name it. */
const SOURCE_KIND = 'postgres';

export function resolveProbes(context: Context, entities: readonly EntityConfig[]): HealthConfig {
  const { raw, definitions } = context;
  const kinds = probeKinds(definitions);
  const timeout = parseDuration(raw.health?.timeout ?? DEFAULT_TIMEOUT) ?? DEFAULT_TIMEOUT;
  const written = Object.entries(raw.health?.probes ?? {});
  const assumed = written.length === 0;
  const probes = (assumed ? reachability(raw) : written).map(([name, probe]) =>
    resolveProbe(name, probe ?? {}, timeout, kinds, context, entities),
  );
  return { probes, assumed };
}

/** What can be asked of any server, each by its own name. */
function reachability({ stores = {} }: Context['raw']): [string, Loose<RawProbe>][] {
  return ['source', ...Object.keys(stores)].map((name) => [name, { kind: 'reachable', servers: [name] }]);
}

function resolveProbe(
  name: string,
  probe: Loose<RawProbe>,
  timeout: number,
  kinds: ReadonlyMap<string, ProbeKind>,
  { raw, problems, folder }: Context,
  entities: readonly EntityConfig[],
): ProbeConfig {
  const here = ['health', 'probes', name];
  const { kind = '' } = probe;
  const known = kinds.get(kind);
  if (probe.kind !== undefined && known === undefined) {
    addUnknown([...here, 'kind'], 'unknown kind', kind, [...kinds.keys()].sort(), 'Kinds known', problems);
  }
  const own = omit(probe, probeShape);
  checkOptions(own, here, name, problems);
  const options = known && checkOwnWords(known.definition.options, own, Object.keys(probeShape), here, problems);
  if (known !== undefined && options !== undefined) {
    const stores = raw.stores ?? {};
    for (const { path, name: server, own } of known.definition.servers(options)) {
      const found = server === 'source' ? SOURCE_KIND : stores[server]?.kind;
      const at = [...here, ...path];
      if (found === undefined && !Object.hasOwn(stores, server)) {
        addUnknown(at, 'no server is named', server, ['source', ...Object.keys(stores)], 'Servers here', problems);
      } else if (own && found !== undefined && found !== known.server) {
        problems.add(at, `a ${kind} probe asks a server of kind ${known.server}, this one is ${found}`);
      }
    }
    const queues = Object.keys(raw.queues ?? {});
    for (const { path, name: queue } of known.definition.queues?.(options) ?? []) {
      if (!queues.includes(queue))
        addUnknown([...here, ...path], 'no queue is named', queue, queues, 'Queues here', problems);
    }
    if (known.definition.asksOutbox && raw.outbox === undefined) {
      problems.add([...here, 'kind'], 'there is no outbox', { hint: 'Say under `outbox` which table it is.' });
    }
  }
  if (known !== undefined && options !== undefined) {
    const replicas = entities.flatMap((entity) => entity.replicas.map((replica) => replica.name));
    const groups = [...Object.keys(raw.stores ?? {}), ...entities.map((entity) => entity.name)];
    for (const { path, name: replica, orAllOf } of known.definition.replicas?.(options) ?? []) {
      if (replicas.includes(replica) || (orAllOf && groups.includes(replica))) continue;
      addUnknown([...here, ...path], 'no replica is named', replica, replicas, 'Replicas here', problems);
    }
  }
  const others = Object.keys(raw.health?.probes ?? {});
  const dependsOn = (probe.dependsOn ?? []).filter((other) => other !== undefined);
  for (const [index, other] of dependsOn.entries()) {
    const at = [...here, 'dependsOn', index];
    if (!others.includes(other)) addUnknown(at, 'no probe is named', other, others, 'Probes here', problems);
    else if (leadsTo(other, name, raw)) problems.add(at, 'leads in a circle back to this probe');
  }
  return {
    name,
    kind,
    timeout: probe.timeout === undefined ? timeout : (parseDuration(probe.timeout) ?? timeout),
    gate: probe.gate ?? false,
    hint: probe.hint,
    dependsOn,
    options: withAbsoluteFiles(options, folder),
  };
}

/** Whether `probe` is `wanted`, or depends on it in any number of steps. */
function leadsTo(probe: string, wanted: string, raw: Context['raw'], seen = new Set<string>()): boolean {
  if (probe === wanted) return true;
  if (seen.size === seen.add(probe).size) return false;
  const further = raw.health?.probes?.[probe]?.dependsOn ?? [];
  return further.some((next) => next !== undefined && leadsTo(next, wanted, raw, seen));
}
