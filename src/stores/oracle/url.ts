// From the store's URL and options to what the driver connects with. Pure.

import { ConfigError } from '../../errors.ts';
import { type Encryption, encryptionOf, readTls } from '../../tls/tls.ts';
import type { OracleOptions } from './options.ts';
import { walletOf } from './wallet.ts';

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

export interface Protection {
  /** For the driver. */
  readonly attributes: {
    readonly walletContent?: string;
    readonly walletPassword?: string;
    readonly sslServerDNMatch?: boolean;
  };
  /** Undefined where a name in tnsnames.ora decides. */
  readonly encryption: Encryption | undefined;
}

/** How the connection is encrypted. Throws a ConfigError where that is not to be had by this driver or this connect string. */
export function protectionOf(name: string, { tls, thick, connectString }: OracleOptions): Protection {
  const path = `stores.${name}`;
  const fail = (word: string, message: string, hint: string) => new ConfigError([{ path: path + word, message, hint }]);
  const material = readTls(tls, path);
  if (material === undefined) return { attributes: {}, encryption: encryptionIn(connectString) };
  if (connectString !== undefined && encryptionIn(connectString) !== 'verified') {
    const hint = 'Write tcps://host:port/service, or a descriptor whose every PROTOCOL is TCPS.';
    throw fail('.tls', 'stands beside a connectString that need not be encrypted', hint);
  }
  const { ca, cert, keyPassword, serverName, verify } = material;
  if (serverName !== undefined) {
    const hint = 'Write the name that the certificate carries into the URL, or SSL_SERVER_CERT_DN into a descriptor.';
    throw fail('.tls.serverName', 'Oracle’s driver checks the host’s name alone', hint);
  }
  if (thick !== undefined && thick !== false && ((ca ?? cert) !== undefined || !verify)) {
    throw fail(
      '.tls',
      'Oracle’s client library takes its certificates from a wallet',
      'Write tls: true and name it in walletLocation.',
    );
  }
  const walletContent = walletOf(material);
  return {
    attributes: {
      ...(walletContent === undefined ? {} : { walletContent }),
      ...(keyPassword === undefined ? {} : { walletPassword: keyPassword }),
      ...(verify ? {} : { sslServerDNMatch: false }),
    },
    encryption: encryptionOf(material),
  };
}

function encryptionIn(connectString: string | undefined): Encryption | undefined {
  if (connectString === undefined) return 'none';
  const protocols = [...connectString.matchAll(/protocol\s*=\s*(\w+)/gi)].map(([, protocol]) =>
    protocol!.toLowerCase(),
  );
  const scheme = /^(\w+):\/\//.exec(connectString)?.[1]?.toLowerCase();
  if (protocols.length === 0 && scheme === undefined) return /[:/]/.test(connectString) ? 'none' : undefined;
  if (![...protocols, ...(scheme === undefined ? [] : [scheme])].every((protocol) => protocol === 'tcps'))
    return 'none';
  return /ssl_server_dn_match\s*=\s*(?:no|off|false)/i.test(connectString) ? 'unverified' : 'verified';
}

/** What no message may hold: the passwords as they stand and as they read. */
export function secretsOf(url: string, options: OracleOptions): readonly string[] {
  const password = /^[^:]+:\/\/[^:@/]*:([^@]*)@/.exec(url)?.[1];
  const { tls, walletPassword } = options;
  const keyPassword = typeof tls === 'object' ? tls.keyPassword : undefined;
  return [password, password && decoded(password), walletPassword, keyPassword].filter(
    (secret) => secret !== undefined,
  );
}

/** A raw % is no encoding: then the text is what it says. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
