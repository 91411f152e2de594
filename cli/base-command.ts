// What every command has in common: interruption, colours, and the one place where errors become exit codes.

import { Command, Flags } from '@oclif/core';
import { type Colours, coloursOf } from '../reports/theme.ts';
import { type Failure, failureOf } from './failure.ts';
import type { Progress } from './progress.ts';
import { asks, tellFailure } from './tell-failure.ts';
import { wantsColour } from './terminal.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** What a shell reports of a program that Ctrl-C ended. */
const ENDED_AT_ONCE = 130;
/** npm and timeout pass on a Ctrl-C that the terminal has sent us already: that is one, not two. */
const SAME_PRESS_MS = 500;

export abstract class BaseCommand extends Command {
  static override baseFlags = {
    quiet: Flags.boolean({
      char: 'q',
      summary: 'Print less: no progress, and nothing at all when everything is in order.',
      helpGroup: 'OUTPUT',
    }),
    'no-color': Flags.boolean({
      summary: 'No colours. So does NO_COLOR in the environment; FORCE_COLOR=1 asks for them without a terminal.',
      helpGroup: 'OUTPUT',
    }),
  };

  /** Shown while it works, if it is. */
  protected progress: Progress | undefined;
  /** A configuration was read, so servers may have been asked. */
  protected connected = false;
  private readonly interruption = new AbortController();
  private interruptedAt = 0;

  /** Fires when the user asks to stop. A second time ends the process at once. */
  protected get signal(): AbortSignal {
    return this.interruption.signal;
  }

  override async init(): Promise<void> {
    await super.init();
    for (const name of SIGNALS) process.on(name, this.onSignal);
    // Whoever read our messages may have gone; the verdict does not depend on it.
    process.stderr.on('error', ignoreBrokenPipe);
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.progress?.stop();
    for (const name of SIGNALS) process.off(name, this.onSignal);
    await super.finally(error);
  }

  /** Every error ends here and none with exit code 1, which means drift. */
  protected override async catch(error: unknown): Promise<void> {
    this.progress?.stop();
    const debug = Boolean(process.env.DEBUG);
    const command = `plumbline ${this.id ?? ''}`.trim();
    const failure = failureOf(error, { command, connected: this.connected, debug });
    this.failed(failure);
    await tellFailure(failure, this.argv);
    process.exitCode = failure.exitCode;
  }

  /** For whoever keeps a record of what happened. Secrets still stand in it. */
  protected failed(_failure: Failure): void {}

  protected colours(stream: NodeJS.WriteStream): Colours {
    return coloursOf(wantsColour(stream, asks(this.argv, '--no-color'), process.env));
  }

  private readonly onSignal = (): void => {
    if (this.signal.aborted) {
      if (performance.now() - this.interruptedAt > SAME_PRESS_MS) process.exit(ENDED_AT_ONCE);
      return;
    }
    this.interruptedAt = performance.now();
    this.interruption.abort();
    this.progress?.stopsSoon();
  };
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
