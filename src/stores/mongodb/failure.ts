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
    return new StoreError(this.name, verb, this.withoutSecrets(detail), {
      // A cause is printed as it is, so one that might tell a secret is not kept.
      cause: this.secrets.some((secret) => String((error as Error)?.stack).includes(secret)) ? undefined : error,
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

// Codes: MongoDB's src/mongo/base/error_codes.yml.
const AUTHENTICATION = new Set([18, 8000]);
const UNAUTHORIZED = 13;
const CURSOR_LOST = new Set([43, 136, 175, 237]);
const TOO_SLOW = new Set([50, 202, 262]);
const WRITE_CONCERN = new Set([64, 79, 100]);
const STEPPING_DOWN = new Set([6, 7, 89, 91, 189, 9001, 10107, 11600, 11602, 13388, 13435, 13436]);
const READ_CONCERN = new Set([148, 123]);

function explain(error: unknown): Explanation {
  const { name = '', code, message = '' } = error as { name?: string; code?: unknown; message?: string };
  const number = typeof code === 'number' ? code : -1;
  if (name === 'MongoServerSelectionError') return unreachable(error as Error & { reason?: unknown });
  if (AUTHENTICATION.has(number) || /authentication failed/i.test(message)) {
    return {
      detail: 'authentication failed',
      transient: false,
      hint: 'Check user, password and authSource in the URL that the environment gives.',
    };
  }
  if (number === UNAUTHORIZED) {
    return {
      transient: false,
      hint: 'Grant the user the role read on this database, and readWrite where records are to be repaired.',
    };
  }
  if (CURSOR_LOST.has(number)) {
    return {
      detail: `the server lost the cursor (${message})`,
      transient: true,
      hint: 'It was restarted, changed its primary, or closed a cursor that had been idle; read the collection again.',
    };
  }
  if (TOO_SLOW.has(number)) return { transient: true, hint: 'The server took too long; look at its load and indexes.' };
  if (WRITE_CONCERN.has(number)) {
    return {
      transient: true,
      hint: 'The write stands on one server but not on the ones asked for; look at the replica set.',
    };
  }
  if (READ_CONCERN.has(number)) {
    return { transient: false, hint: 'The server does not offer this; set readConcern or writeConcern of the store.' };
  }
  if (STEPPING_DOWN.has(number))
    return { transient: true, hint: 'The replica set is choosing a primary; try again shortly.' };
  if (/^MongoNetwork|PoolCleared|PoolClosed|ConnectionPool|NotConnected|TopologyClosed|WaitQueueTimeout/.test(name)) {
    return { detail: `the connection was lost (${message})`, transient: true, hint: 'Is the server still up?' };
  }
  if (/^Mongo(Parse|InvalidArgument|MissingDependency|MissingCredentials|API)Error$/.test(name)) {
    return { transient: false, hint: 'Check the URL and the options of this store.' };
  }
  const { errorLabels } = error as { errorLabels?: readonly string[] };
  return { transient: errorLabels?.some((label) => /Retryable|Transient/.test(label)) ?? false };
}

function unreachable(error: Error & { reason?: unknown }): Explanation {
  const { message } = error;
  const tls = tlsFailure(error);
  if (tls !== undefined) return { ...tls, transient: false };
  if (/ECONNREFUSED/.test(message)) {
    const address = /ECONNREFUSED (\S+?),?(?:\s|$)/.exec(message)?.[1];
    return {
      detail: address === undefined ? 'connection refused' : `connection refused by ${address}`,
      transient: true,
      hint: 'Is the server up, and are host and port right?',
    };
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) {
    return { transient: /EAI_AGAIN/.test(message), hint: 'The host name is unknown here; check it.' };
  }
  return {
    detail: `no server answered (${message})`,
    transient: true,
    hint: 'Check host and port, the replica set name and the firewall; directConnection=true skips the search for the others.',
  };
}
