// Opens the two servers and finds out what can be merged. Everything that speaks against it is thrown here, before a row is read.

import type { Config } from '../config/config.ts';
import { ConfigError, RefusedError } from '../errors.ts';
import type { Session } from '../postgres/session.ts';
import { type Catalog, readCatalog, type Table } from './catalog.ts';
import { findParted, type Parted } from './parted.ts';
import { chooseTables } from './schema-differences.ts';
import { checkServers, lookAtServers, openSession, type Server } from './servers.ts';
import { type Both, onBoth, type Side } from './sides.ts';

export interface OpenOptions {
  /** The sides that are to be written. */
  readonly writes: readonly Side[];
  readonly fireTriggers: boolean;
}

export interface Scene {
  readonly sessions: Both<Session>;
  readonly servers: Both<Server>;
  readonly catalogs: Both<Catalog>;
  readonly tables: readonly Table[];
  readonly parted: Parted;
  /** By side: the server neither fires triggers nor looks at references. */
  readonly replicates: Both<boolean>;
  /** Sentences on what is left out or not seen. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** Throws ConfigError, RefusedError, and StoreErrors named `here` and `there`. */
export async function openScene(config: Config, options: OpenOptions): Promise<Scene> {
  const { failback } = config;
  if (failback === undefined) {
    const hint = 'Name the promoted backup under failback.there.url; docs/failback.md has an example.';
    throw new ConfigError([{ path: 'failback', message: 'missing', hint }], config.file);
  }
  const sessions = {
    here: openSession('here', failback.here, true),
    there: openSession('there', failback.there, true),
  };
  const close = async () => {
    await Promise.all([sessions.here.close(), sessions.there.close()]);
  };
  try {
    const servers = await lookAtServers(sessions);
    checkServers(servers, failback.tables);
    const catalogs = await onBoth((side) => readCatalog(sessions[side]));
    const { tables, problems, notes } = chooseTables(failback, catalogs, options.writes);
    if (problems.length > 0) throw schemaRefusal(problems);
    const replicates = await onBoth(async (side) => mayReplicate(side, servers[side], catalogs[side], tables, options));
    const parted = await findParted(failback.parted, servers, sessions.here);
    return { sessions, servers, catalogs, tables, parted, replicates, notes, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** All at once, as one refusal. */
function schemaRefusal(
  problems: readonly { readonly path: string; readonly message: string; readonly hint?: string }[],
) {
  const lines = problems.map(({ path, message }) => `${path}: ${message}`);
  const hints = [...new Set(problems.flatMap(({ hint }) => hint ?? []))];
  return new RefusedError(lines.join('\n'), undefined, { hint: hints.join(' ') });
}

/** Throws a RefusedError where triggers would fire that nobody has allowed to. */
function mayReplicate(
  side: Side,
  server: Server,
  catalog: Catalog,
  tables: readonly Table[],
  { writes, fireTriggers }: OpenOptions,
): boolean {
  if (fireTriggers) return false;
  const own = tables.map(({ name }) => catalog.tables.get(name)!);
  const would = own.flatMap(({ name, triggers }) =>
    triggers.filter(({ always }) => always || !server.mayReplicate).map((trigger) => `${trigger.name} on ${name}`),
  );
  if (would.length > 0 && writes.includes(side)) {
    const hint = server.mayReplicate
      ? 'They are ENABLE ALWAYS or REPLICA: disable them for the merge.'
      : `Merged rows have been through them once. Use a role for failback.${side}.url that may set session_replication_role (GRANT SET ON PARAMETER, or a superuser), or disable them for the merge.`;
    throw new RefusedError(`${side}: triggers would fire: ${would.slice(0, 5).join(', ')}`, '--fire-triggers', {
      hint,
    });
  }
  return server.mayReplicate;
}
