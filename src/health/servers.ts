// The servers that probes ask: each connected once, when the first probe needs it, and shared by the others. One that hangs costs only the
// probes that ask it.

import type { Config, StoreConfig } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { askSql, type Session } from '../postgres/session.ts';
import { Source } from '../source/source.ts';
import type { Answers, Store, StoreDefinition } from '../stores/store.ts';

/** What closing may take; a server that hangs does not answer that either. */
const CLOSING_MS = 500;

export class Servers {
  private readonly config: Config;
  private readonly kinds: ReadonlyMap<string, StoreDefinition>;
  private readonly ending = new AbortController();
  private readonly stores = new Map<string, Promise<Store>>();
  private opened: Promise<Source> | undefined;

  constructor(config: Config, kinds: ReadonlyMap<string, StoreDefinition>) {
    this.config = config;
    this.kinds = kinds;
  }

  /** Throws a StoreError. */
  store(name: string): Promise<Store> {
    const opened = this.stores.get(name) ?? this.open(this.config.stores.get(name)!);
    this.stores.set(name, opened);
    return opened;
  }

  /** Throws a StoreError. */
  source(): Promise<Source> {
    const { url, parallel, tls } = this.config.source;
    this.opened ??= Source.connect(url, parallel, tls);
    this.opened.catch(() => {});
    return this.opened;
  }

  /** A PostgreSQL server: the source, or a store of that kind. Its sessions refuse every write. */
  async postgres(name: string): Promise<Session> {
    if (name === 'source') return (await this.source()).session;
    const session = (await this.store(name)).probing?.session;
    if (session === undefined) throw notAsked(name);
    return session;
  }

  /** Puts a statement, in the server's own words, to the source or a store. Throws a StoreError. */
  async ask(name: string, statement: unknown, signal: AbortSignal): Promise<Answers> {
    if (name === 'source') return askSql(await this.postgres(name), statement, signal);
    const { probing } = await this.store(name);
    if (probing === undefined) throw notAsked(name);
    return probing.ask(statement, signal);
  }

  /** Waits half a second at most. */
  async close(): Promise<void> {
    this.ending.abort();
    const opened: Promise<{ close(): Promise<void> }>[] = [...this.stores.values()];
    if (this.opened !== undefined) opened.push(this.opened);
    const closings = opened.map(async (server) => (await server).close());
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSING_MS);
    });
    await Promise.race([Promise.allSettled(closings), patience]);
    clearTimeout(timer);
  }

  private open({ name, kind, url, options }: StoreConfig): Promise<Store> {
    const opened = this.kinds.get(kind)!.connect({ name, url, options, signal: this.ending.signal });
    // Whoever waits for it is told; nobody may be waiting any more.
    opened.catch(() => {});
    return opened;
  }
}

function notAsked(name: string): ConfigError {
  return new ConfigError([{ path: `stores.${name}`, message: 'its kind of store takes no questions of a probe' }]);
}
