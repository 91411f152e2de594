// The kinds of probe: those for any server, and those that a kind of store brings.

import type { StoreDefinition } from '../stores/store.ts';
import type { ProbeDefinition } from './probe.ts';
import { backups } from './probes/backups/backups.ts';
import { counts } from './probes/counts.ts';
import { coverage } from './probes/coverage.ts';
import { outbox } from './probes/outbox.ts';
import { query } from './probes/query.ts';
import { queue } from './probes/queue.ts';
import { reachable } from './probes/reachable.ts';

export interface ProbeKind {
  readonly definition: ProbeDefinition;
  /** The kind of server that it asks; absent: any. */
  readonly server?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: each kind has options of its own, which only it reads
const anyServer: readonly ProbeDefinition<any>[] = [reachable, counts, coverage, backups, queue, outbox, query];

/** By the probe's kind. */
export function probeKinds(stores: ReadonlyMap<string, StoreDefinition>): ReadonlyMap<string, ProbeKind> {
  const own = [...stores.values()].flatMap(({ kind: server, probes = [] }) =>
    probes.map((definition): ProbeKind => ({ definition, server })),
  );
  const kinds = [...anyServer.map((definition): ProbeKind => ({ definition })), ...own];
  return new Map(kinds.map((kind) => [kind.definition.kind, kind]));
}
