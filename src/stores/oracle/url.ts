// From the store's URL and options to what the driver connects with. Pure.

import { ConfigError } from '../../errors.ts';
import type { OracleOptions } from './options.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly connectString: string;
}

/** `oracle://user:password@host:1521/SERVICE`. Throws a ConfigError that shows no part of the URL. */
export function credentialsOf(name: string, url: string, options: OracleOptions): Credentials {
  const fail = (message: string, hint: string) => new ConfigError([{ path: `stores.${name}`, message, hint }]);
  const match = /^oracle:\/\/(?:([^:@/]*)(?::([^@]*))?@)?([^@/?#]*)(?:\/([^@?#]*))?$/i.exec(url);
  if (match === null)
    throw fail('is no Oracle URL', 'Write oracle://user@host:1521/SERVICE, the password percent-encoded.');
  const [, user = '', password = '', host = '', service = ''] = match;
  if (user === '') throw fail('names no user', 'Write oracle://user@host:1521/SERVICE.');
  const credentials = { user: decoded(user), password: decoded(password) };
  if (options.connectString !== undefined) return { ...credentials, connectString: options.connectString };
  if (host === '' || service === '') {
    throw fail('names no host or no service', 'Write oracle://user@host:1521/SERVICE, or set `connectString`.');
  }
  const protocol = options.tls ? 'tcps://' : '';
  return { ...credentials, connectString: `${protocol}${host}/${decoded(service)}` };
}

/** What no message may hold: the passwords as they stand and as they read. */
export function secretsOf(url: string, options: OracleOptions): readonly string[] {
  const password = /^[^:]+:\/\/[^:@/]*:([^@]*)@/.exec(url)?.[1];
  return [password, password && decoded(password), options.walletPassword].filter((secret) => secret !== undefined);
}

/** A raw % is no encoding: then the text is what it says. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
