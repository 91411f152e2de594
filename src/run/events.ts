// What a run tells its listener while it works. The library prints nothing itself.

import type { Finding } from '../report/report.ts';

export type RunEvent =
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
  | { readonly type: 'retry'; readonly verb: string; readonly attempt: number; readonly reason: string }
  /** Records that a repair has dealt with so far. */
  | { readonly type: 'repaired'; readonly replica: string; readonly records: number; readonly expected: number };

export type Stage = 'connect' | 'plan' | 'compare' | 'repair';

export type RunListener = (event: RunEvent) => void;
