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
    const { detail = firstLine(error), transient, hint } = explain(error);
    return new StoreError(this.name, verb, this.withoutSecrets(detail), {
      // A cause is printed as it is, so one that might tell a secret is not kept.
      cause: this.secrets.some((secret) => String((error as Error)?.stack).includes(secret)) ? undefined : error,
      transient,
      hint,
    });
  }

  /** Why the server refused a row. From the second line on Oracle 23 quotes the row's values, and some first lines do too. */
  ofRow(error: unknown, isSensitive: boolean): string {
    if (isSensitive) return `${codeOf(error) ?? 'an error'}: refused by the server`;
    // A constraint that was deferred to the commit: the next line says which.
    return this.withoutSecrets(firstLine(wordsOf(error).replace(/^ORA-02091:[^\n]*\n/, '')));
  }

  /** What we won't ask of the server, in our own words. */
  lasting(verb: string, detail: string, hint?: string): StoreError {
    return new StoreError(this.name, verb, this.withoutSecrets(detail), { hint });
  }

  private withoutSecrets(text: string): string {
    return this.secrets.reduce((words, secret) => words.replaceAll(secret, '***'), text);
  }
}

/** `ORA-00942`, `NJS-503`. A batch's errors carry it in their words only. */
export function codeOf(error: unknown): string | undefined {
  return /\b(?:ORA|NJS|DPI|TNS)-\d{3,5}/.exec(wordsOf(error))?.[0];
}

export function isTransient(error: unknown): boolean {
  return error instanceof StoreError ? error.transient : explain(error).transient;
}

/** The call timeout, which the connection survives. */
export function isTimeout(error: unknown): boolean {
  return ['NJS-123', 'DPI-1067'].includes(codeOf(error) ?? '');
}

/** Errors of a statement, whatever its rows: no permission, no such table or column, a database that only reads. */
export function isOfStatement(error: unknown): boolean {
  return ['ORA-00904', 'ORA-00942', 'ORA-01031', 'ORA-01456', 'ORA-01732', 'ORA-16000', 'ORA-41900'].includes(
    codeOf(error) ?? '',
  );
}

function firstLine(error: unknown): string {
  return wordsOf(error)
    .split('\n')[0]!
    .replace(/ \(CONNECTION_ID=[^)]*\)/, '')
    .trim();
}

const GRANT = 'GRANT SELECT ON the table (and INSERT, UPDATE, DELETE for repairs) TO the user of this URL.';
const AGAIN = 'Try again shortly.';
const REACH =
  'Is the listener up, and are host, port and service name right? One that wants TLS, or a certificate of ours, hangs up as well: see `tls`.';

const KNOWN: Readonly<Record<string, Explanation>> = {
  'ORA-01017': {
    detail: 'logon denied (ORA-01017)',
    transient: false,
    hint: 'Check user and password in the URL that the environment gives.',
  },
  'ORA-28000': { transient: false, hint: 'The account is locked: ALTER USER … ACCOUNT UNLOCK.' },
  'ORA-28001': { transient: false, hint: 'The password has expired; give the user a new one.' },
  'ORA-01045': { transient: false, hint: 'GRANT CREATE SESSION TO the user of this URL.' },
  'ORA-12514': {
    transient: false,
    hint: 'The listener knows no such service: check the end of the URL against `lsnrctl services`.',
  },
  'NJS-518': {
    transient: false,
    hint: 'The listener knows no such service: check the end of the URL against `lsnrctl services`.',
  },
  'NJS-116': {
    transient: false,
    hint: 'This user’s password is stored in an old form: set it anew, or set `thick` for this store.',
  },
  'NJS-138': {
    transient: false,
    hint: 'The server is older than 12.1, which only the thick driver knows: set `thick` for this store.',
  },
  'NJS-533': {
    transient: false,
    hint: 'The server wants native network encryption, which only the thick driver has: set `thick` for this store, or use `tls`.',
  },
  'NJS-118': {
    transient: false,
    hint: 'One process speaks thin or thick, not both: set `thick` for all Oracle stores or for none.',
  },
  'DPI-1047': { transient: false, hint: 'No Oracle client library was found: name its folder in `thick`.' },
  'ORA-00942': { transient: false, hint: GRANT },
  'ORA-01031': { transient: false, hint: GRANT },
  'ORA-41900': { transient: false, hint: GRANT },
  'ORA-01456': { transient: false, hint: 'The database is open for reading only.' },
  'ORA-16000': { transient: false, hint: 'The database is open for reading only.' },
  'ORA-01555': { transient: true, hint: 'The snapshot is too old: read at a quieter time, or raise undo_retention.' },
  'ORA-08181': {
    transient: true,
    hint: 'The system change number is not known any more; read again, or set `snapshot: none`.',
  },
  'ORA-01466': { transient: true, hint: 'The table was altered after the snapshot; read again.' },
  'ORA-00054': { transient: true, hint: AGAIN },
  'ORA-00060': { transient: true, hint: AGAIN },
  'ORA-08177': { transient: true, hint: AGAIN },
  'ORA-30006': { transient: true, hint: AGAIN },
  'NJS-123': {
    detail: 'the server did not answer in time',
    transient: true,
    hint: 'Look at its load and locks, or raise timeouts.call.',
  },
  'DPI-1067': {
    detail: 'the server did not answer in time',
    transient: true,
    hint: 'Look at its load and locks, or raise timeouts.call.',
  },
  'NJS-040': { detail: 'no connection was free in time', transient: true, hint: AGAIN },
};

/** Starting, stopping, out of sessions or processes. */
const BUSY =
  /^ORA-(?:00018|00020|01033|01034|01035|01089|01090|01092|01109|12516|12518|12519|12520|12528|12537|12547|02391)$/;
/** The driver's and the server's words for a connection that is gone or could not be made. */
const LOST =
  /^(?:ORA-(?:00028|00603|01012|02396|02399|03113|03114|03135|12153|12170|12541|12543|12571|25408)|NJS-(?:003|50[0134]|51[013]|521)|DPI-(?:1010|1080))$/;
const TLS = /^NJS-(?:50[5-8]|529)$/;
const CONNECT_STRING = /^NJS-(?:125|51[24-7]|520|522)$/;

function explain(error: unknown): Explanation {
  const code = codeOf(error) ?? '';
  const known = KNOWN[code];
  if (known !== undefined) return known;
  // Oracle's own errors are of a connection that stands.
  const tls = code.startsWith('ORA-') ? undefined : tlsFailure(error);
  if (tls !== undefined) return { ...tls, transient: false };
  if (TLS.test(code)) return { transient: false, hint: 'Check tls, walletLocation and walletPassword.' };
  if (BUSY.test(code)) return { transient: true, hint: 'The server is starting, stopping or full. Try again shortly.' };
  if (CONNECT_STRING.test(code)) return { transient: false, hint: 'Check the URL and connectString of this store.' };
  if (code === 'NJS-530') return { transient: false, hint: 'The host name is unknown here; check it.' };
  if (LOST.test(code)) {
    const isRefused = /ECONNREFUSED/.test(wordsOf(error));
    return {
      detail: isRefused ? 'connection refused' : `the connection failed (${firstLine(error)})`,
      transient: true,
      hint: REACH,
    };
  }
  return { transient: (error as { isRecoverable?: boolean } | null)?.isRecoverable === true };
}
