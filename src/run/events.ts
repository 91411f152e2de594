// What a run tells its listener while it works. The library prints nothing itself.

import type { ProbeReport } from '../health/health-report.ts';
import type { AlertOutcome, Finding, Report } from '../report/report.ts';

export type RunEvent =
  /** The first of all. */
  | {
      readonly type: 'run';
      readonly run: string;
      readonly command: Report['command'] | 'health' | 'undo' | 'failback' | 'drain';
    }
  | { readonly type: 'stage'; readonly stage: Stage }
  /** Rows read so far on one side of a comparison; `replica` is null for the source. `expected` is an estimate. */
  | {
      readonly type: 'rows';
      readonly entity: string;
      readonly replica: string | null;
      readonly rows: number;
      readonly expected: number;
    }
  /** A replica's comparison is over. */
  | { readonly type: 'compared'; readonly replica: string }
  | { readonly type: 'finding'; readonly finding: Finding }
  /** Jobs or events of a backlog that were read, or settled, so far. */
  | { readonly type: 'items'; readonly backlog: string; readonly items: number }
  | { readonly type: 'retry'; readonly verb: string; readonly attempt: number; readonly reason: string }
  /** A repair waits for probes that are not ok; seconds so far, and until it gives up. */
  | { readonly type: 'gate'; readonly blocked: readonly ProbeReport[]; readonly waited: number; readonly left: number }
  /** Something beside the run's work did not succeed; its verdict does not depend on it. */
  | { readonly type: 'warning'; readonly where: string; readonly message: string }
  /** It waits for something to come, and looks or tries again in so many seconds. */
  | { readonly type: 'wait'; readonly what: string; readonly seconds: number }
  /** A receiver was told, or could not be. */
  | { readonly type: 'alerted'; readonly run: string; readonly outcome: AlertOutcome }
  /** Records that a repair has dealt with so far. */
  | { readonly type: 'repaired'; readonly replica: string; readonly records: number; readonly expected: number };

export type Stage =
  | 'gate'
  | 'connect'
  | 'plan'
  | 'read'
  | 'compare'
  | 'repair'
  | 'gather'
  | 'drain'
  | 'settle'
  | 'alert';

export type RunListener = (event: RunEvent) => void;
