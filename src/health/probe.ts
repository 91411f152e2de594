// The contract of a health probe and the guide to a new kind. A probe asks one or more servers something and says in readings what it
// found. It never writes (but for what its kind says in its docs), retries, logs, prints or waits beyond its signal.
//
// To add a kind: a `ProbeDefinition` in src/health/probes/ where any server will do, or in `probes` of the StoreDefinition that it belongs to.
// What a probe can't ask is thrown: the runner makes `unknown` of it, never `ok`.

import type { z } from 'zod';
import type { Config } from '../config/config.ts';
import type { Servers } from './servers.ts';

/** Worst last. `unknown`: could not be asked, or gave no answer in time. */
export const STATUSES = ['ok', 'warning', 'failed', 'unknown'] as const;
export type Status = (typeof STATUSES)[number];

/** One number for a metrics system. */
export interface Metric {
  /** Without the prefix `plumbline_`, with its unit as Prometheus spells units: `replication_lag_seconds`, `slot_retained_bytes`. */
  readonly name: string;
  readonly help: string;
  readonly value: number;
  /** Besides `probe`, which every metric has. Names of things (a slot, a queue), never a text that a driver wrote. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What a probe says of one thing that it looked at. */
export interface Reading {
  readonly status: Status;
  /** The slot, queue or standby that is meant, where a probe looks at several. Shown before the message, which does not repeat it. */
  readonly subject?: string;
  /** What is the case, with figures: `lag 0.4 MB / 31 ms`. No full stop. */
  readonly message: string;
  /** What to do next; only where something is wrong. */
  readonly hint?: string;
  readonly metrics?: readonly Metric[];
}

/** A server that a probe's options name; `source` is one too. */
export interface ServerUse {
  /** Where the name stands in the options. */
  readonly path: readonly (string | number)[];
  readonly name: string;
  /** Its kind has to be the one that the definition belongs to. */
  readonly own: boolean;
}

/** A replica that a probe's options name. */
export interface ReplicaUse {
  /** Where the name stands in the options. */
  readonly path: readonly (string | number)[];
  readonly name: string;
  /** A store or an entity may be named too: then all its replicas are meant. */
  readonly orAllOf: boolean;
}

export interface ProbeDefinition<Options = unknown> {
  readonly kind: string;
  /** For the docs: what it looks at, one sentence. */
  readonly summary: string;
  /** What stands under `health.probes.NAME` besides the common words. A strict object. */
  readonly options: z.ZodType<Options>;
  servers(options: Options): readonly ServerUse[];
  replicas?(options: Options): readonly ReplicaUse[];
  /** Names of `queues` that the options mention, and where. */
  queues?(options: Options): readonly Pick<ServerUse, 'path' | 'name'>[];
  /** It asks the config's `outbox`. */
  readonly asksOutbox?: true;
  /** At least one reading. A StoreError is turned into `unknown` with its words. */
  run(options: Options, context: ProbeContext): Promise<readonly Reading[]>;
}

export interface ProbeContext {
  /** The probe's name in the config. */
  readonly name: string;
  readonly config: Config;
  readonly servers: Servers;
  /** Aborted when the probe's time is up: what still runs then is not waited for. */
  readonly signal: AbortSignal;
  /** Milliseconds from the run's beginning until then. */
  readonly timeout: number;
  /** When the run began, by this machine's clock. */
  readonly now: Date;
}

/** For a definition: checks its shape while it is written. */
export function defineProbe<Options>(definition: ProbeDefinition<Options>): ProbeDefinition<Options> {
  return definition;
}

export function worstOf(statuses: readonly Status[]): Status {
  return statuses.reduce(
    (worst, status) => (STATUSES.indexOf(status) > STATUSES.indexOf(worst) ? status : worst),
    'ok',
  );
}
