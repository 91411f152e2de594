// What the driver and the server say when something goes wrong, as StoreErrors: which may pass by itself, and what to do about it.

import { InterruptedError, StoreError, wordsOf } from '../../errors.ts';
import { tlsFailure } from '../../tls/failure.ts';

interface Explanation {
  readonly detail?: string;
  readonly transient: boolean;
  readonly hint?: string;
}

/** Wraps everything that one store throws; `name` is its name in the config, `secrets` what no message may hold. */
export class Failures {
  private readonly name: string;
  private readonly secrets: readonly string[];

  constructor(name: string, secrets: readonly string[]) {
    this.name = name;
    this.secrets = secrets.filter((secret) => secret !== '');
  }

  /** For `throw failures.of(error, verb)`. An interruption stays one. */
  of(error: unknown, verb: string, signal?: AbortSignal): Error {
    if (error instanceof StoreError || error instanceof InterruptedError) return error;
    if (signal?.aborted) return new InterruptedError();
    const { detail = wordsOf(error), transient, hint } = explain(error);
    return new StoreError(this.name, verb, this.withoutSecrets(withoutArguments(detail)), {
      // The driver's errors carry the command with its arguments: passwords, and the values of records.
      cause: isOurs(error) ? error : undefined,
      transient,
      hint,
    });
  }

  /** What we won't ask of the server, in our own words. */
  lasting(verb: string, detail: string, hint?: string): StoreError {
    return new StoreError(this.name, verb, this.withoutSecrets(detail), { hint });
  }

  withoutSecrets(text: string): string {
    return this.secrets.reduce((words, secret) => words.replaceAll(secret, '***'), text);
  }
}

/** The server refuses one command, and would take others. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** What the server says to every command alike: it is no outcome of one record. */
export function concernsAll(error: Error): boolean {
  return (
    /^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|OOM|MISCONF|NOREPLICAS|NOAUTH|NOPERM|UNKILLABLE|MOVED|ASK)\b/.test(
      error.message,
    ) || /unknown command|max number of clients/i.test(error.message)
  );
}

/** On one line. The server quotes what it did not understand. */
export function withoutArguments(message: string): string {
  return message
    .replace(/,? with args beginning with.*/s, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function isOurs(error: unknown): boolean {
  return !(error instanceof Error) || /^(TypeError|RangeError|SyntaxError|AssertionError)$/.test(error.name);
}

const BY_CODE: Readonly<Record<string, Explanation>> = {
  NOAUTH: { transient: false, hint: 'The server asks for a password: put it into the URL, from the environment.' },
  WRONGPASS: {
    detail: 'authentication failed',
    transient: false,
    hint: 'Check user and password in the URL that the environment gives.',
  },
  NOPERM: { transient: false, hint: 'Grant the user the commands and the keys that docs/stores/redis.md lists.' },
  LOADING: { transient: true, hint: 'The server is still loading its data.' },
  BUSY: { transient: true, hint: 'A script of another client keeps the server busy.' },
  MASTERDOWN: { transient: true, hint: 'The server is a replica that has lost its master.' },
  CLUSTERDOWN: { transient: true, hint: 'Some slots of the cluster have no master; look at CLUSTER INFO.' },
  TRYAGAIN: { transient: true, hint: 'Slots of the cluster are on the move; try again shortly.' },
  READONLY: { transient: false, hint: 'The server is a read-only replica: repairs go to the master.' },
  OOM: { transient: false, hint: 'The server has reached maxmemory and evicts nothing: it takes no more writes.' },
  MISCONF: { transient: false, hint: 'The server can’t save to disk and takes no writes until it can.' },
  NOREPLICAS: { transient: true, hint: 'The server wants more replicas than it has (min-replicas-to-write).' },
  NOPROTO: { transient: false, hint: 'Redis 6 or later is needed.' },
  MOVED: { transient: false, hint: 'The server is part of a cluster: write redis+cluster:// or set cluster: true.' },
};

function explain(error: unknown): Explanation {
  const { name = '', message = '', code } = error as { name?: string; message?: string; code?: string };
  if (name === 'ReplyError') return explainReply(message);
  const tls = tlsFailure(error);
  if (tls !== undefined) return { ...tls, transient: false };
  if (name === 'ClusterAllFailedError') {
    const { lastNodeError } = error as { lastNodeError?: unknown };
    if (isReplyError(lastNodeError)) return explain(lastNodeError);
    return { detail: 'no server of the cluster answered', transient: true, hint: 'Check hosts, ports and firewall.' };
  }
  if (code === 'ECONNREFUSED') {
    const address = /ECONNREFUSED (\S+?),?(?:\s|$)/.exec(message)?.[1];
    return {
      detail: address === undefined ? 'connection refused' : `connection refused by ${address}`,
      transient: true,
      hint: 'Is the server up, and are host and port right?',
    };
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { transient: code === 'EAI_AGAIN', hint: 'The host name is unknown here; check it.' };
  }
  if (code === 'ETIMEDOUT' || /timeout|timed out/i.test(message)) {
    return { transient: true, hint: 'Check host, port and firewall, or allow more time under timeouts.' };
  }
  if (/RESP type|protocol \(byte/.test(message)) {
    return { detail: 'it is no Redis that answers', transient: false, hint: 'Check host and port.' };
  }
  if (/startup nodes/i.test(message)) {
    return { detail: 'no server of the cluster answered', transient: true, hint: 'Check hosts, ports and firewall.' };
  }
  if (/^(Cluster is not whole|Too many Cluster redirections)/.test(message)) {
    return {
      transient: true,
      hint: 'A server of the cluster was lost, or slots have no master; look at CLUSTER SHARDS.',
    };
  }
  if (/Connection is closed|max retries per request|connection close|writeable|Cluster is/i.test(message)) {
    return {
      detail: 'the connection was lost',
      transient: true,
      hint: 'Is the server still up? One that wants TLS, or a certificate of ours, hangs up as well: see `tls`.',
    };
  }
  if (typeof code === 'string') return { detail: `the connection was lost (${code})`, transient: true };
  return { transient: false };
}

function explainReply(message: string): Explanation {
  const known = BY_CODE[/^[A-Z]+/.exec(message)?.[0] ?? ''];
  if (known !== undefined) return known;
  if (/invalid username-password|invalid password|without any password configured/i.test(message)) {
    return BY_CODE.WRONGPASS!;
  }
  if (/max number of clients/i.test(message)) return { transient: true, hint: 'The server has no connection left.' };
  if (/DB index is out of range/i.test(message))
    return { transient: false, hint: 'The server has no database of that number.' };
  if (/cluster support disabled/i.test(message)) {
    return { transient: false, hint: 'The server is no part of a cluster: write redis:// and no cluster: true.' };
  }
  if (/unknown command/i.test(message)) {
    return { transient: false, hint: 'The server is too old (Redis 6 is needed), or the command was renamed.' };
  }
  return { transient: false };
}
