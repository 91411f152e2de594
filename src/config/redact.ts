// What may be shown of a URL or of a text that a driver wrote. Everything here would rather hide too much than too little.

import type { Config } from './config.ts';

const secretWord =
  /pass(word|wd|phrase|code)?$|^pwd$|secret|token$|credential|authmechanismproperties|api_?-?key|access_?-?key|private_?-?key$/i;
/** Words that name a file or a length, not the secret itself. */
const harmless = /(file|path|dir)$/i;

/** Whether a key or a query parameter of this name holds a secret. */
export function isSecretName(name: string): boolean {
  if (/password$/i.test(name)) return true;
  return secretWord.test(name) && !harmless.test(name);
}

/** A PEM text, not the name of a file with one. */
export function holdsPrivateKey(text: string): boolean {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
}

export interface UrlParts {
  readonly scheme: string;
  /** As they stand, percent-encoded or not; undefined where the URL has none. */
  readonly user?: string;
  readonly password?: string;
  /** Host, port and path. */
  readonly place: string;
  readonly query: readonly { readonly name: string; readonly value?: string; readonly secret: boolean }[];
}

/**
 * Takes a URL of any scheme apart, several hosts included. Undefined where a password might hide in the wrong part:
 * an `@` behind the host may be a raw one of the password, a port that is no number (nor a masked variable) may be a
 * password without a host.
 */
export function urlParts(url: string): UrlParts | undefined {
  const match =
    /^([a-z][a-z\d+.-]*):\/\/(?:([^@/?#]*(?:@[^@/?#]*)*)@)?([^@/?#]*)(\/[^@?#]*)?(?:\?([^@#]*))?(#[^@]*)?$/is.exec(url);
  if (!match) return undefined;
  const [, scheme, userInfo, hosts = '', path = '', query] = match;
  if (!hosts.split(',').every((host) => /^(\[[\da-f:.%]*\]|[^:\s[\]]*)(:[\d\uE000]*)?$/i.test(host))) return undefined;
  const colon = userInfo?.indexOf(':') ?? -1;
  let secret = false;
  return {
    scheme: scheme!,
    user: colon < 0 ? userInfo : userInfo!.slice(0, colon),
    password: colon < 0 ? undefined : userInfo!.slice(colon + 1),
    place: `${hosts}${path}`,
    query: (query === undefined || query === '' ? [] : query.split('&')).map((piece) => {
      const equals = piece.indexOf('=');
      const name = equals < 0 ? piece : piece.slice(0, equals);
      // What has no name may be the rest of a secret with a raw `&` in it.
      secret = equals < 0 ? secret : hidesSecret(piece, name);
      return { name, value: equals < 0 ? undefined : piece.slice(equals + 1), secret };
    }),
  };
}

function hidesSecret(piece: string, name: string): boolean {
  const words = decoded(piece).split(/[^\w.-]+/);
  return isSecretName(decoded(name)) || words.slice(0, -1).some(isSecretName);
}

/** A URL without its secrets: the user stays, the password is `***`. Where it can't be taken apart: `scheme://…`. */
export function redactUrl(url: string): string {
  const parts = urlParts(url);
  if (!parts) {
    const scheme = /^[a-z][a-z\d+.-]*:\/\//i.exec(url);
    return `${scheme?.[0] ?? ''}…`;
  }
  const { scheme, user, password, place, query } = parts;
  const userInfo = user === undefined ? '' : `${user}${password === undefined ? '' : ':***'}@`;
  const shown = query.map(({ name, value, secret }) => {
    if (value === undefined) return secret ? '***' : name;
    return `${name}=${secret ? '***' : value}`;
  });
  return `${scheme}://${userInfo}${place}${shown.length > 0 ? `?${shown.join('&')}` : ''}`;
}

/** Every secret in a URL, as it stands and decoded; where the URL is ambiguous, every reading of it. */
export function secretsOf(url: string): string[] {
  const secrets = new Set<string>();
  const add = (secret: string | undefined) => {
    if (!secret) return;
    secrets.add(secret);
    secrets.add(decoded(secret));
  };
  const parts = urlParts(url);
  if (parts) {
    add(parts.password);
    for (const { name, value, secret } of parts.query) if (secret) add(value ?? name);
  } else {
    add(url);
    const rest = url.replace(/^[a-z][a-z\d+.-]*:\/\//i, '');
    const from = rest.indexOf(':') + 1;
    if (from > 0) {
      add(rest.slice(from, rest.lastIndexOf('@') < from ? undefined : rest.lastIndexOf('@')));
      add(/^[^/?#]*(?=@)/.exec(rest.slice(from))?.[0]);
    }
    for (const [, name, value] of rest.matchAll(/[?&]([^=&#]+)=([^&#]*)/g))
      if (isSecretName(decoded(name!))) add(value);
  }
  return [...secrets];
}

/** Every secret that a configuration holds: in URLs, in options whose name says so, and what alerts are sent with. */
export function configSecrets(config: Config): string[] {
  const secrets = new Set(secretsOf(config.source.url));
  const look = (value: unknown, name: string) => {
    if (typeof value === 'string' && (isSecretName(name) || holdsPrivateKey(value))) secrets.add(value);
    if (typeof value === 'string')
      for (const secret of value.includes('://') ? secretsOf(value) : []) secrets.add(secret);
    if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) look(inner, key);
  };
  look(config.source.tls, '');
  for (const url of [config.outbox?.markUrl, config.contingency?.writerUrl])
    for (const secret of secretsOf(url ?? '')) secrets.add(secret);
  for (const server of [config.failback?.here, config.failback?.there]) {
    for (const secret of secretsOf(server?.url ?? '')) secrets.add(secret);
    look(server?.tls, '');
  }
  for (const store of config.stores.values()) {
    for (const secret of secretsOf(store.url)) secrets.add(secret);
    look(store.options, '');
  }
  for (const probe of config.health.probes) look(probe.options, '');
  for (const alert of config.alerts) for (const secret of alert.secrets) secrets.add(secret);
  return [...secrets].filter((secret) => secret !== '');
}

/** Replaces each secret in any text by `***`, whether it stands there raw, percent-encoded, or escaped as in JSON. */
export function makeRedactor(secrets: readonly string[]): (text: string) => string {
  const patterns = [...new Set(secrets.flatMap((secret) => [secret, decoded(secret)]))]
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
    .map((secret) => [...secret].map(anySpelling).join(''));
  if (patterns.length === 0) return (text) => text;
  const all = new RegExp(patterns.join('|'), 'g');
  return (text) => text.replace(all, '***');
}

function anySpelling(character: string): string {
  const percent = [...Buffer.from(character)]
    .map(
      (byte) =>
        `%${byte
          .toString(16)
          .padStart(2, '0')
          .replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)}`,
    )
    .join('');
  const json = JSON.stringify(character).slice(1, -1);
  const spellings = [percent, ...(json === character ? [] : [literal(json)]), literal(character)];
  return `(?:${character === ' ' ? '\\+|' : ''}${spellings.join('|')})`;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    // A raw % is no encoding: then the text is what it says.
    if (error instanceof URIError) return text;
    throw error;
  }
}
