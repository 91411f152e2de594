// Every error that a user can meet, worded in one place. A ConfigError is the user's to mend, a StoreError is the
// network's or the server's, a RefusedError is ours on purpose. Anything else that is thrown is our own bug.

/** One thing wrong with the configuration or the schema. `line` and `column` start at 1. */
export interface Problem {
  /** Dotted path in the config, such as `entities.incidents.key`. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  readonly line?: number;
  readonly column?: number;
}

/** The configuration (or the schema that it names) can't be used as it is: exit code 2. Lists every problem at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  readonly file?: string;

  constructor(problems: readonly Problem[], file?: string) {
    super(problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('\n'));
    this.problems = problems;
    this.file = file;
  }
}

/** A server did not do what was asked: exit code 3, never drift. `message` reads `docs: fetch 500 keys: connection refused`. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly store: string;
  readonly verb: string;
  readonly detail: string;
  /** True when the same call may succeed a moment later (a lost connection, a time-out, an overload). */
  readonly transient: boolean;
  readonly hint?: string;

  constructor(
    store: string,
    verb: string,
    detail: string,
    options: { readonly cause?: unknown; readonly transient?: boolean; readonly hint?: string } = {},
  ) {
    super(`${store}: ${verb}: ${detail}`, { cause: options.cause });
    this.store = store;
    this.verb = verb;
    this.detail = detail;
    this.transient = options.transient ?? false;
    this.hint = options.hint;
  }
}

/** A safety limit or a health gate said no, before the first write: exit code 4. `flag` is what lifts it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly flag?: string;
  readonly by: 'limits' | 'gate';
  /** What to do instead of lifting it. */
  readonly hint?: string;

  constructor(message: string, flag?: string, options: { readonly by?: 'gate'; readonly hint?: string } = {}) {
    super(message);
    this.flag = flag;
    this.by = options.by ?? 'limits';
    this.hint = options.hint;
  }
}

/** A receiver did not take an alert. It is reported beside the verdict, never in its place. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /** True when the same may succeed a moment later. */
  readonly transient: boolean;
  /** Milliseconds that the receiver asked to wait. */
  readonly retryAfter?: number;
  readonly hint?: string;

  constructor(
    message: string,
    options: { readonly transient?: boolean; readonly retryAfter?: number; readonly hint?: string } = {},
  ) {
    super(message);
    this.transient = options.transient ?? false;
    this.retryAfter = options.retryAfter;
    this.hint = options.hint;
  }
}

/** Another run holds the lock of a replica: exit code 5. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/** The caller's AbortSignal fired: exit code 3. What was found until then is kept. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';

  constructor(message = 'interrupted') {
    super(message);
  }
}

/** The words of any thrown thing, for a message. */
export function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(wordsOf).join('; ');
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}
