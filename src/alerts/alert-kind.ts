// The contract of a way to send alerts. It sends once or throws; it does not retry, decide what is due, log or print.

import type { z } from 'zod';
import type { Alert } from './alert.ts';

export interface AlertKind<Options = unknown> {
  readonly kind: string;
  /** For editors and the docs, one sentence. */
  readonly summary: string;
  /** What stands under `alerts.NAME` besides the common words. A strict object. */
  readonly options: z.ZodType<Options>;
  /** What of the options must never be shown. `fromEnvironment`: whether an option's text came from a variable. */
  secrets(options: Options, fromEnvironment: (option: string) => boolean): readonly string[];
  /** Returns once the receiver has it. Throws a DeliveryError. */
  send(options: Options, alert: Alert, context: SendContext): Promise<void>;
}

export interface SendContext {
  /** The config file's: what relative paths start from. */
  readonly folder: string;
  /** Aborted when the time for this attempt is up, or the run is interrupted. */
  readonly signal: AbortSignal;
}

/** For a definition: checks its shape while it is written. */
export function defineAlertKind<Options>(kind: AlertKind<Options>): AlertKind<Options> {
  return kind;
}
