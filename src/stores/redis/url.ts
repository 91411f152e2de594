// Where the servers are: redis://user:password@host:6379/0, rediss:// for TLS, redis+cluster://host1:7000,host2:7001 for a cluster.

import type { Problem } from '../../errors.ts';
import type { Tls } from '../../tls/tls.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Target {
  readonly addresses: readonly Address[];
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
}

const URL_SHAPE = /^(rediss?)(\+cluster)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(\?[^#]*)?$/i;
const DEFAULT_PORT = 6379;

/** What is wrong is told without the URL. */
export function parseUrl(url: string, given: { readonly cluster?: boolean; readonly tls?: Tls }): Target | Problem {
  const match = URL_SHAPE.exec(url);
  if (match === null) {
    return {
      path: 'url',
      message: 'is no Redis URL',
      hint: 'Write redis://user@host:6379/0, rediss:// for TLS, or redis+cluster://host1:7000,host2:7001.',
    };
  }
  const [, scheme, plusCluster, userInfo, hosts = '', path = '', query] = match;
  if (query !== undefined && query !== '?') {
    return { path: 'url', message: 'has parameters', hint: 'Options stand beside the URL, as keys of the store.' };
  }
  const addresses = hosts.split(',').map(addressOf);
  if (addresses.some((address) => address === undefined)) {
    return { path: 'url', message: 'has a host or port that is none', hint: 'Write host:6379, or [::1]:6379.' };
  }
  const cluster = given.cluster ?? plusCluster !== undefined;
  if (plusCluster !== undefined && given.cluster === false) {
    return { path: 'cluster', message: 'is false, but the URL says redis+cluster://' };
  }
  if (addresses.length > 1 && !cluster) {
    return { path: 'url', message: 'names several hosts', hint: 'For a Redis Cluster write redis+cluster://.' };
  }
  if (!/^\d{0,6}$/.test(path)) {
    return { path: 'url', message: 'its path is no database', hint: 'Databases are numbers: redis://host:6379/0.' };
  }
  const database = Number(path);
  if (cluster && database !== 0) {
    return { path: 'url', message: 'names a database, and a cluster has only 0' };
  }
  const tls = /^rediss$/i.test(scheme!) || (given.tls ?? false) !== false;
  if (tls && given.tls === false) return { path: 'tls', message: 'is false, but the URL says rediss://' };
  const colon = userInfo?.indexOf(':') ?? -1;
  const username = decoded(colon < 0 ? userInfo : userInfo!.slice(0, colon));
  const password = colon < 0 ? undefined : decoded(userInfo!.slice(colon + 1));
  return { addresses: addresses as readonly Address[], cluster, tls, username, password, database };
}

function addressOf(text: string): Address | undefined {
  const match = /^(\[[\da-f:.]+\]|[^:\s[\]]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match === null) return undefined;
  const port = match[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  return port > 65_535 ? undefined : { host: match[1]!.replace(/^\[|\]$/g, ''), port };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
