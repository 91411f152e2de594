// A word on the command line that can't be used: exit code 2, told with a hint, before anything is connected.

export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint?: string;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}
