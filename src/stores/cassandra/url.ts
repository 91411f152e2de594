// The store's URL: `cassandra://user:password@host1:9042,host2/keyspace?localDataCenter=dc1`. Pure.

import { ConfigError } from '../../errors.ts';

export interface Address {
  readonly hosts: readonly string[];
  /** Of hosts that name none. */
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  readonly keyspace?: string;
  readonly localDataCenter?: string;
}

const DEFAULT_PORT = 9042;
const SHAPE = /^[a-z][a-z\d+.-]*:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/([^?#]*))?(?:\?([^#]*))?$/i;
const HINT = 'Write cassandra://user@host:9042/keyspace?localDataCenter=datacenter1.';

/** Throws a ConfigError, which shows nothing of the URL. */
export function readUrl(name: string, url: string): Address {
  const match = SHAPE.exec(url);
  if (match === null) throw problem(name, 'its URL can’t be read', HINT);
  const [, user, hosts, keyspace, query] = match;
  const [userName, ...password] = (user ?? '').split(':');
  const parameters = new Map((query ?? '').split('&').flatMap((pair) => (pair === '' ? [] : [parameterOf(pair)])));
  const unknown = [...parameters.keys()].find((key) => key !== 'localDataCenter');
  if (unknown !== undefined) {
    throw problem(name, 'its URL has a parameter that is not localDataCenter', 'Other options are words of the store.');
  }
  const port = Number(/:(\d+)$/.exec(hosts!.split(',')[0]!)?.[1] ?? DEFAULT_PORT);
  return {
    hosts: hosts!.split(',').map((host) => (/:\d+$/.test(host) ? host : `${host}:${port}`)),
    port,
    user: userName === '' ? undefined : decoded(userName!),
    password: password.length === 0 ? undefined : decoded(password.join(':')),
    keyspace: keyspace === undefined || keyspace === '' ? undefined : decoded(keyspace),
    localDataCenter: parameters.get('localDataCenter'),
  };
}

export function problem(name: string, message: string, hint: string): ConfigError {
  return new ConfigError([{ path: `stores.${name}`, message, hint }]);
}

function parameterOf(pair: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? [decoded(pair), ''] : [decoded(pair.slice(0, equals)), decoded(pair.slice(equals + 1))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
