// How a connection is encrypted: the words that the source and every kind of store take, read into what node:tls and the drivers want.
// There is no "prefer": a connection that is to be encrypted and can't be is an error, never plain text.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { z } from 'zod';
import { urlParts } from '../config/redact.ts';
import { ConfigError, type Problem } from '../errors.ts';

const fileOrPem = z.string().min(1).optional();

export const tlsWords = z.union([
  z.boolean(),
  z.strictObject({
    ca: fileOrPem.describe('Certificates of the authorities to trust: a PEM file, or its text. Default: the system’s.'),
    cert: fileOrPem.describe('Our own certificate: a PEM file, or its text.'),
    key: fileOrPem.describe('The key of our certificate: a PEM file, or its text from the environment.'),
    keyPassword: z.string().min(1).optional().describe('What the key is encrypted with.'),
    serverName: z
      .string()
      .min(1)
      .optional()
      .describe('The name that the server’s certificate carries, where it is not the host of the URL.'),
    verify: z
      .boolean()
      .optional()
      .describe('false takes any certificate, and whoever sits between reads along. Default true.'),
  }),
]);
export const tlsDescription = 'Encrypt the connection: true, or how. Default: as the URL says.';

/** As it stands in the config. */
export type Tls = z.infer<typeof tlsWords>;

/** Whether others can read and change what is said: `unverified` is encrypted, but nobody asked to whom. */
export type Encryption = 'verified' | 'unverified' | 'none';

/** What is wanted, with its files read. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly keyPassword?: string;
  readonly serverName?: string;
  readonly verify: boolean;
}

/**
 * Undefined where no TLS is asked for. `path`: where the words stand in the config, such as `stores.docs`. Throws a ConfigError for files that
 * can't be read and words that contradict each other.
 */
export function readTls(tls: Tls | undefined, path: string): TlsMaterial | undefined {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return { verify: true };
  const problems: Problem[] = [];
  const say = (word: string, message: string, hint?: string) =>
    problems.push({ path: `${path}.tls.${word}`, message, hint });
  const read = (word: 'ca' | 'cert' | 'key') => {
    const text = tls[word];
    if (text === undefined) return undefined;
    try {
      const pem = isPem(text) ? text : readFileSync(text, 'utf8');
      if (isPem(pem)) return pem;
      say(word, 'is no PEM', 'It begins with -----BEGIN …-----; openssl x509 and openssl pkey convert other forms.');
    } catch (error) {
      say(word, `can’t be read (${(error as NodeJS.ErrnoException).code})`, 'Relative paths start at the config file.');
    }
    return undefined;
  };
  const [ca, cert, key] = [read('ca'), read('cert'), read('key')];
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    say(tls.cert === undefined ? 'cert' : 'key', 'missing', 'A certificate of ours is of use only with its key.');
  }
  if (tls.verify === false && (tls.ca ?? tls.serverName) !== undefined) {
    say(
      'verify',
      'false contradicts ca and serverName',
      'Take it out: with ca and serverName any server can be checked.',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { ca, cert, key, keyPassword: tls.keyPassword, serverName: tls.serverName, verify: tls.verify ?? true };
}

export function isPem(text: string): boolean {
  return text.includes('-----BEGIN ');
}

/** Of options that hold a `tls`: its files with their whole paths. Relative ones start at the folder of the config file. */
export function withAbsoluteFiles(options: unknown, folder: string): unknown {
  const tls = (options as { readonly tls?: unknown } | null | undefined)?.tls;
  if (typeof tls !== 'object' || tls === null) return options;
  const words = Object.entries(tls).map(([word, value]) =>
    FILES.has(word) && typeof value === 'string' && !isPem(value) ? [word, resolve(folder, value)] : [word, value],
  );
  return { ...(options as object), tls: Object.fromEntries(words) };
}

const FILES: ReadonlySet<string> = new Set(['ca', 'cert', 'key']);

/** Options of node:tls, which most drivers pass on. A name of the certificate's own is checked in place of the host's, not beside it. */
export interface SocketOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
  readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined;
}

export function socketOptions(material: TlsMaterial): SocketOptions {
  const { ca, cert, key, keyPassword, serverName, verify } = material;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    rejectUnauthorized: verify,
    ...(serverName === undefined
      ? {}
      : {
          servername: serverName,
          checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
            checkServerIdentity(serverName, certificate),
        }),
  };
}

/** What a connection is that was opened with this. */
export function encryptionOf(material: TlsMaterial | undefined): Encryption {
  if (material === undefined) return 'none';
  return material.verify ? 'verified' : 'unverified';
}

/** A URL that speaks of TLS as well: which of the two is meant would be a guess. */
export function contradiction(path: string): ConfigError {
  const hint = 'Keep one of them: take the parameters or the scheme of TLS out of the URL, or take `tls` out.';
  return new ConfigError([{ path: `${path}.tls`, message: 'the URL says how TLS is used as well', hint }]);
}

/** Whether all hosts of a URL are this machine. */
export function isLocal(url: string): boolean {
  const parts = urlParts(url);
  if (parts === undefined) return false;
  const hosts = parts.place.split('/')[0]!.split(',');
  return hosts.every((host) => /^(?:|localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$|^%2F/i.test(host));
}
