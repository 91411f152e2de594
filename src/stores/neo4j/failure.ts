// What the driver and the server say when something goes wrong, as StoreErrors: which may pass by itself, and what to do about it.

import { ConfigError, InterruptedError, StoreError, wordsOf } from '../../errors.ts';
import { tlsFailure } from '../../tls/failure.ts';

interface Explanation {
  readonly detail?: string;
  readonly transient: boolean;
  readonly hint?: string;
}

/** No answer within the store's time. The connection may never answer again, so nobody waits for it to be given back. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
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
    if (error instanceof StoreError || error instanceof InterruptedError || error instanceof ConfigError) return error;
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

const DEADLOCK = 'Neo.TransientError.Transaction.DeadlockDetected';
const GONE = 'Neo.ClientError.Statement.EntityNotFound';

/** Another writer was quicker: two transactions waited for each other and this one was ended, or what it waited for is gone. */
export function isOvertaken(error: unknown): boolean {
  return codeOf(error) === DEADLOCK || codeOf(error) === GONE;
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

// Codes: Neo4j's "Status Codes for Errors & Notifications".
const OUT_OF_TIME = /^Neo\.ClientError\.Transaction\.(TransactionTimedOut|LockClientStopped|TransactionTerminated)/;
const POOL_MEMORY = 'Neo.TransientError.General.MemoryPoolOutOfMemoryError';
const TRANSACTION_MEMORY = 'Neo.TransientError.General.TransactionMemoryLimit';

/** A transaction that is too large for the server's memory: a smaller one may pass. */
export function isTooLarge(error: unknown): boolean {
  const code = codeOf(error);
  return code === POOL_MEMORY || code === TRANSACTION_MEMORY || code.endsWith('.OutOfMemoryError');
}

/** It is what was to be written that the server rejects, not the query, the user or the moment. */
export function isRejection(error: unknown): boolean {
  const code = codeOf(error);
  if (code === TRANSACTION_MEMORY) return true;
  if (/\.(SyntaxError|AccessMode|ParameterMissing|NotSystemDatabaseError)$/.test(code)) return false;
  // The last one is what a value gets that is too long for an index.
  return /^Neo\.(ClientError\.(Schema|Statement)\.|DatabaseError\.Statement\.ExecutionFailed)/.test(code);
}

/** Why a row was rejected. The server names values, so of a row with sensitive ones only the kind of error is told. */
export function rejection(error: unknown, isSensitive: boolean): string {
  if (isSensitive) return `the server rejects it: ${codeOf(error).split('.').at(-1)}`;
  const message = wordsOf(error).trim();
  return message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message;
}

const LONGEST = 300;

function explain(error: unknown): Explanation {
  const code = codeOf(error);
  const message = wordsOf(error);
  if (error instanceof SilenceError) {
    return { transient: true, hint: 'Is the server overloaded? `timeouts.answer` of the store says how long to wait.' };
  }
  if (/^Neo\.ClientError\.Security\.(Unauthorized|CredentialsExpired)$/.test(code)) {
    return {
      detail: 'authentication failed',
      transient: false,
      hint: 'Check user and password in the URL that the environment gives.',
    };
  }
  if (code === 'Neo.ClientError.Security.AuthenticationRateLimit') {
    return { transient: true, hint: 'Too many wrong passwords lately: the server lets nobody in for some seconds.' };
  }
  if (code === 'Neo.ClientError.Security.Forbidden') {
    return {
      transient: false,
      hint: 'Grant the user the role reader on this database, and editor where records are to be repaired.',
    };
  }
  if (code.startsWith('Neo.ClientError.Security.')) return { transient: /Expired/.test(code) };
  if (code === 'Neo.ClientError.Database.DatabaseNotFound') {
    return { transient: false, hint: 'Check `database` of the store; SHOW DATABASES lists what there is.' };
  }
  if (OUT_OF_TIME.test(code)) {
    return {
      transient: true,
      hint: 'Another transaction held what it needed, or the server ended it: see db.transaction.timeout and `timeouts.answer`.',
    };
  }
  if (isTooLarge(error)) {
    return {
      transient: true,
      hint: 'The server has no memory left for transactions: lower maxTransactionRows, or give it more heap.',
    };
  }
  if (code === DEADLOCK) {
    return { detail: 'a deadlock with another writer', transient: true, hint: 'Nothing was written; try again.' };
  }
  if (/NotALeader|ForbiddenOnReadOnlyDatabase/.test(code)) {
    return {
      detail: message,
      transient: true,
      hint: 'This server takes no writes: use neo4j:// so that the driver finds the one that does, or check whether the database is read-only.',
    };
  }
  if (/\.SyntaxError$/.test(code)) {
    return { transient: false, hint: 'If the replica has a `where`, check it; variables there are n, or r, a and b.' };
  }
  // What a connection was told out of order says nothing of what was asked.
  if (code.includes('TransientError') || code.startsWith('Neo.ClientError.Request.')) return { transient: true };
  if (code.startsWith('Neo.')) return { transient: code.startsWith('Neo.DatabaseError.Transaction.') };
  return ofDriver(code, message);
}

/** The driver's own codes: ServiceUnavailable, SessionExpired, ProtocolError, N/A. */
function ofDriver(code: string, message: string): Explanation {
  // Behind advice that fits everything stands what really happened.
  const cause = /Caused by: (.*)$/s.exec(message)?.[1] ?? message;
  const refused = /ECONNREFUSED(?: (\S+?))?(?:[\s,)]|$)/.exec(cause);
  if (refused !== null) {
    return {
      detail: refused[1] === undefined ? 'connection refused' : `connection refused by ${refused[1]}`,
      transient: true,
      hint: 'Is the server up, and are host and Bolt port right?',
    };
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(cause)) {
    return {
      detail: 'the host name is unknown',
      transient: cause.includes('EAI_AGAIN'),
      hint: 'The host name is unknown here; check it.',
    };
  }
  const tls = tlsFailure(cause);
  if (tls !== undefined) return { ...tls, transient: false };
  if (/routing servers|discovery/i.test(message)) {
    return {
      detail: 'no server of the cluster answered',
      transient: true,
      hint: 'Are host and Bolt port right? A single server behind a firewall or a proxy is reached by bolt://.',
    };
  }
  const isLost = /acquisition timed out|Pool is closed|connection (was|is) closed|ECONNRESET|EPIPE|ETIMEDOUT/i;
  if (code === 'ServiceUnavailable' || code === 'SessionExpired' || isLost.test(cause)) {
    return {
      detail: `the connection was lost (${brief(cause)})`,
      transient: true,
      hint: 'Is the server still up? One that wants TLS, or a certificate of ours, hangs up as well: see `tls`.',
    };
  }
  return { transient: false, hint: 'Check the URL and the options of this store.' };
}

/** The first sentence: the driver goes on with advice of its own. */
function brief(message: string): string {
  return message.split(/\. |\n/, 1)[0]!;
}
