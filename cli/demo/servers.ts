// Starts what the demo wants, all at the same time, each failing on its own: only the source is indispensable, and in CI everything is.

import { randomBytes } from 'node:crypto';
import { engineName } from '../../engines/engine.ts';
import { type Engine, type EngineRequest, startEngine } from '../../engines/engines.ts';
import { environmentVariable } from '../../engines/environment.ts';
import { StoreError, wordsOf } from '../../src/errors.ts';
import { openPart, type Part } from './parts.ts';

export type ActName = 'georiesgo' | 'reservas' | 'failover';

/** By the name that both systems' plumbline.yaml give to the store. */
const REQUESTS = {
  source: { kind: 'postgres', version: '18' },
  backup: { kind: 'postgres', version: '15' },
  docs: { kind: 'mongodb', memory: '1g' },
  analytics: { kind: 'cassandra' },
  legacy: { kind: 'oracle' },
  graph: { kind: 'neo4j' },
  cache: { kind: 'redis' },
} as const satisfies Readonly<Record<string, EngineRequest>>;

export type Role = keyof typeof REQUESTS;
export type StoreRole = Exclude<Role, 'source'>;

export const STORES = (Object.keys(REQUESTS) as Role[]).filter((role): role is StoreRole => role !== 'source');

const ROLES: Readonly<Record<ActName, readonly Role[]>> = {
  georiesgo: ['source', 'backup', 'docs', 'analytics', 'legacy'],
  reservas: ['source', 'docs', 'analytics', 'graph', 'cache'],
  // A primary and a standby that are promoted and stopped: it starts its own.
  failover: [],
};

export interface Server {
  readonly role: Role;
  readonly engine: Engine;
  /** Of each act that uses it. */
  readonly parts: Readonly<Partial<Record<ActName, Part>>>;
}

export interface NotRunning {
  readonly role: Role;
  readonly kind: string;
  readonly reason: string;
  /** How to get it. */
  readonly hint: string;
}

export interface Servers {
  readonly running: readonly Server[];
  readonly notRunning: readonly NotRunning[];
  stop(): Promise<void>;
}

/**
 * The source and those of the stores that the acts have, each with databases, keyspaces or prefixes of the demo's own, so that a server
 * which somebody lent loses nothing.
 */
export async function startServers(
  acts: readonly ActName[],
  stores: readonly StoreRole[],
  onProgress: (line: string) => void,
): Promise<Servers> {
  const wanted: readonly Role[] = ['source', ...stores];
  const roles = wanted.filter((role) => acts.some((act) => ROLES[act].includes(role)));
  const id = `plumbline_demo_${randomBytes(4).toString('hex')}`;
  const outcomes = await Promise.all(roles.map((role) => startServer(role, acts, id, onProgress)));
  const running = outcomes.filter((outcome) => 'engine' in outcome);
  const notRunning = outcomes.filter((outcome) => 'hint' in outcome);
  const stop = async () => {
    await Promise.allSettled(running.map(stopServer));
  };
  const needed = notRunning.filter(({ role }) => role === 'source' || isCi());
  if (needed.length > 0) {
    await stop();
    const words = needed.map(({ role, kind, reason }) => `${role} (${kind}): ${reason}`).join('; ');
    throw new StoreError('demo', 'start servers', words, { hint: needed.map(({ hint }) => hint).join(' ') });
  }
  return { running, notRunning, stop };
}

/** Where one act's part of a server is; undefined where it does not run. */
export function partOf({ running }: Servers, act: ActName, role: Role): Part | undefined {
  return running.find((server) => server.role === role)?.parts[act];
}

async function startServer(
  role: Role,
  acts: readonly ActName[],
  id: string,
  onProgress: (line: string) => void,
): Promise<Server | NotRunning> {
  const request: EngineRequest = REQUESTS[role];
  let engine: Engine | undefined;
  const parts: Partial<Record<ActName, Part>> = {};
  try {
    engine = await startEngine(request, onProgress);
    for (const act of acts.filter((name) => ROLES[name].includes(role))) {
      parts[act] = await openPart(engine, isLent(request), `${id}_${act}_${role}`);
    }
    return { role, engine, parts };
  } catch (cause) {
    if (engine !== undefined) await stopServer({ role, engine, parts });
    return { role, kind: request.kind, ...reasonOf(cause, request) };
  }
}

async function stopServer({ engine, parts }: Server): Promise<void> {
  await Promise.allSettled(Object.values(parts).map((part) => part.drop()));
  await engine.stop();
}

/** `startEngine` puts the hint on a line of its own, the last one. */
function reasonOf(cause: unknown, request: EngineRequest): Pick<NotRunning, 'reason' | 'hint'> {
  const words = wordsOf(cause);
  const own = `${engineName(request)}: `;
  const lines = (words.startsWith(own) ? words.slice(own.length) : words).split('\n');
  const last = lines.at(-1)!;
  if (lines.length > 1 && last.startsWith('Set ')) return { reason: lines.slice(0, -1).join('\n'), hint: last };
  return { reason: lines.join('\n'), hint: `May it be written to? ${environmentVariable(request)} names another.` };
}

/** Somebody else's, by its URL: it stays when the demo is over. */
function isLent(request: EngineRequest): boolean {
  return Boolean(process.env[environmentVariable(request)]);
}

function isCi(): boolean {
  const { CI } = process.env;
  return CI !== undefined && CI !== '' && CI !== 'false' && CI !== '0';
}
