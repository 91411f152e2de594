// What the driver and the server say when something goes wrong, as StoreErrors: which may pass by itself, and what to do about it.

import { AssertionError } from 'node:assert';
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
    if (error instanceof StoreError || error instanceof InterruptedError || error instanceof AssertionError)
      return error;
    if (signal?.aborted) return new InterruptedError();
    const { detail = wordsOf(error), transient, hint } = explain(error);
    return new StoreError(this.name, verb, this.withoutSecrets(detail), {
      // A cause is printed as it is, so one that might tell a secret is not kept.
      cause: this.secrets.some((secret) => String((error as Error)?.stack).includes(secret)) ? undefined : error,
      transient,
      hint,
    });
  }

  /** What no repetition mends. */
  lasting(verb: string, detail: string, hint?: string): StoreError {
    return new StoreError(this.name, verb, this.withoutSecrets(detail), { hint });
  }

  withoutSecrets(text: string): string {
    return this.secrets.reduce((words, secret) => words.replaceAll(secret, '***'), text);
  }
}

// Codes: CQL binary protocol v4, section 9.
const SERVER_ERROR = 0x0000;
const BAD_CREDENTIALS = 0x0100;
const UNAVAILABLE = 0x1000;
const OVERLOADED = 0x1001;
const BOOTSTRAPPING = 0x1002;
const TRUNCATING = 0x1003;
const WRITE_TIMEOUT = 0x1100;
const READ_TIMEOUT = 0x1200;
const READ_FAILURE = 0x1300;
const WRITE_FAILURE = 0x1500;
const SYNTAX = 0x2000;
const UNAUTHORIZED = 0x2100;
const INVALID = 0x2200;

const CHECK_LOAD = 'The server took too long; look at its load, or raise timeouts.read.';
const CHECK_NODES = 'Too few replicas answered; look at `nodetool status`, or lower the consistency of this store.';

const BY_CODE: ReadonlyMap<number, Explanation> = new Map([
  [SERVER_ERROR, { transient: true }],
  [UNAVAILABLE, { transient: true, hint: CHECK_NODES }],
  [OVERLOADED, { transient: true, hint: CHECK_LOAD }],
  [BOOTSTRAPPING, { transient: true, hint: 'The node is still starting; try again shortly.' }],
  [TRUNCATING, { transient: true }],
  [WRITE_TIMEOUT, { transient: true, hint: CHECK_LOAD }],
  [READ_TIMEOUT, { transient: true, hint: CHECK_LOAD }],
  [
    READ_FAILURE,
    {
      transient: true,
      hint: 'A replica gave up, often over too many tombstones; its log says why. Compact the table.',
    },
  ],
  [WRITE_FAILURE, { transient: true, hint: 'A replica gave up; its log says why.' }],
  [
    UNAUTHORIZED,
    {
      transient: false,
      hint: 'Grant the role SELECT on the table, and MODIFY where records are to be repaired.',
    },
  ],
]);

/** The server says no to this one statement, whatever it might say to another. */
export function isRejected(error: unknown): error is Error {
  const { name, code } = error as { name?: string; code?: unknown };
  return name === 'ResponseError' && (code === INVALID || code === SYNTAX);
}

export function isForbidden(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: unknown };
  return name === 'ResponseError' && code === UNAUTHORIZED;
}

function explain(error: unknown): Explanation {
  const { name = '', code, message = '' } = error as { name?: string; code?: unknown; message?: string };
  const tls = name === 'ResponseError' ? undefined : tlsFailure(error);
  if (tls !== undefined) return { ...tls, transient: false };
  if (name === 'NoHostAvailableError') return unreachable(error as NoHostAvailable);
  if (name === 'AuthenticationError' || code === BAD_CREDENTIALS) {
    return { detail: 'authentication failed', transient: false, hint: 'Check user and password in the URL.' };
  }
  if (name === 'ResponseError') return BY_CODE.get(Number(code)) ?? { transient: false };
  if (name === 'OperationTimedOutError') return { transient: true, hint: CHECK_LOAD };
  if (name === 'BusyConnectionError') return { transient: true };
  if (isLost(error)) {
    return { detail: `the connection was lost (${message})`, transient: true, hint: 'Is the server still up?' };
  }
  if (/localDataCenter|data center/i.test(message)) {
    return { transient: false, hint: 'Set localDataCenter to the one that `nodetool status` shows.' };
  }
  return { transient: false };
}

interface NoHostAvailable extends Error {
  readonly innerErrors?: Readonly<Record<string, unknown>> | null;
}

/** What each host said is inside; the message itself tells little. */
function unreachable({ innerErrors, message }: NoHostAvailable): Explanation {
  const found = Object.entries(innerErrors ?? {});
  const [first] = found;
  if (first === undefined) {
    // A client that has lost all of its hosts has none to ask.
    return {
      detail: `no host is up (${message})`,
      transient: true,
      hint: 'Is the server up, is its name known here, and does localDataCenter name its data center?',
    };
  }
  const told = found.find(([, inner]) => !isLost(inner)) ?? first;
  const [host, inner] = told;
  if (isRefused(inner)) {
    return {
      detail: `connection refused by ${host}`,
      transient: true,
      hint: 'Is the server up, and are host and port right?',
    };
  }
  const { code } = inner as { code?: unknown };
  if (code === 'ENOTFOUND') {
    return { detail: wordsOf(inner), transient: false, hint: 'The host name is unknown here; check it.' };
  }
  if (isLost(inner)) {
    return {
      detail: `the connection to ${host} was lost (${wordsOf(inner)})`,
      transient: true,
      hint: 'Is the server still up? One that wants TLS needs `tls: true`.',
    };
  }
  const explained = explain(inner);
  return { ...explained, detail: explained.detail ?? `${host}: ${wordsOf(inner)}` };
}

function isRefused(error: unknown): boolean {
  return (error as { code?: unknown })?.code === 'ECONNREFUSED';
}

const LOST = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN']);

function isLost(error: unknown): boolean {
  const { code, isSocketError, message = '' } = error as { code?: string; isSocketError?: boolean; message?: string };
  return (
    isSocketError === true ||
    LOST.has(code ?? '') ||
    /socket was closed|connection (timeout|closed|lost)|host considered as DOWN|no connection available|not connected/i.test(
      message,
    )
  );
}
