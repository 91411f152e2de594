// What the probes of a PostgreSQL server share: numbers out of its texts, and the word on a role that sees too little.

import { StoreError } from '../../../errors.ts';

export const LAG = { warn: 100, fail: 5000 };

/** Null stays null: what the server does not know is no zero. */
export function numberOf(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : Number(text);
}

/** The statistics views show rows to every role, but their columns only to members of pg_monitor: a null there is no answer. */
export function hidden(server: string, view: string, role: string | null | undefined): StoreError {
  return new StoreError(server, 'ask', `the role ${role} may not see the columns of ${view}`, {
    hint: `GRANT pg_monitor TO ${role};`,
  });
}
