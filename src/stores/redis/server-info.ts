// What a server says of itself: product, version, role, and whether it throws keys away when it is full.

import type { Reply, Session } from './session.ts';

export interface ServerInfo {
  readonly product: string;
  readonly major: number;
  /** It is part of a cluster, however we speak to it. */
  readonly isClusterNode: boolean;
  readonly isReplica: boolean;
  /** Notes for a replica, some of whose keys expire or none. */
  evictionNotes(keysExpire: boolean): readonly string[];
}

/** What a user may not ask is taken for the usual. */
export async function readServerInfo(session: Session): Promise<ServerInfo> {
  const hello = membersOf(await session.askAny(['hello']));
  const info = await session.askAny(['info', 'memory']);
  const memory = info instanceof Error ? new Map<string, string>() : fieldsOf(info);
  const name = hello.get('server') ?? 'redis';
  const version = hello.get('version') ?? '?';
  const mode = hello.get('mode');
  const isReplica = !session.isCluster && (hello.get('role') === 'replica' || hello.get('role') === 'slave');
  const policy = memory.get('maxmemory_policy') ?? '';
  const limited = Number(memory.get('maxmemory') ?? 0) > 0;
  const parts = [`${name.charAt(0).toUpperCase()}${name.slice(1)} ${version}`];
  if (mode === 'cluster') parts.push('cluster');
  if (isReplica) parts.push('replica');
  return {
    product: parts.join(', '),
    major: Number.parseInt(version, 10) || 0,
    isClusterNode: mode === 'cluster',
    isReplica,
    evictionNotes: (keysExpire) => {
      if (!limited || !(policy.startsWith('allkeys-') || (policy.startsWith('volatile-') && keysExpire))) return [];
      return [
        `the server evicts keys when it is full (maxmemory-policy ${policy}): one that is missing may have been evicted`,
      ];
    },
  };
}

/** Of a reply of names and values in turns. */
function membersOf(reply: Reply): ReadonlyMap<string, string> {
  if (reply instanceof Error) throw reply;
  const members = new Map<string, string>();
  const list = reply as readonly Reply[];
  for (let i = 0; i + 1 < list.length; i += 2) members.set(String(list[i]), String(list[i + 1]));
  return members;
}

/** Of INFO and its like: lines of `name:value`. */
export function fieldsOf(reply: Reply): ReadonlyMap<string, string> {
  return new Map([...String(reply).matchAll(/^([^#:\s]+):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]));
}
