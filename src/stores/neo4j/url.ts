// The store's URL taken apart: what the driver is given has no credentials in it.

export interface Address {
  /** Scheme, the first host and routing context. */
  readonly url: string;
  /** All hosts: any of them can tell a `neo4j://` driver of the others. */
  readonly hosts: readonly string[];
  /** Where the scheme says so (`+s`, `+ssc`), TLS is no matter of options. */
  readonly isSecure: boolean;
  readonly user?: string;
  readonly password?: string;
  /** From the path. */
  readonly database?: string;
  /** The password as it stands in the URL and as it reads. */
  readonly secrets: readonly string[];
}

const URL_PARTS =
  /^((?:bolt|neo4j)(\+s|\+ssc)?:\/\/)(?:([^:@/?#]*)(?::([^/?#]*))?@)?([^@/?#]+)(?:\/([^?#]*))?(\?[^#]*)?$/i;

/** Undefined where it is no URL of Neo4j. */
export function readUrl(url: string): Address | undefined {
  const match = URL_PARTS.exec(url);
  if (match === null) return undefined;
  const [, scheme, secure, user, password, place, path = '', query = ''] = match;
  const hosts = place!.split(',');
  return {
    url: `${scheme}${hosts[0]}${query}`,
    hosts,
    isSecure: secure !== undefined,
    user: user === undefined ? undefined : decoded(user),
    password: password === undefined ? undefined : decoded(password),
    database: path === '' ? undefined : decoded(path),
    secrets: password === undefined ? [] : [password, decoded(password)],
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A raw % is no encoding.
    return text;
  }
}
