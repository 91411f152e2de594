// `canary`: writes a row on the primary and waits until the standby shows it. It is the one probe that writes: one row, in a table of its own, with
// credentials of its own.

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { urlParts } from '../../../config/redact.ts';
import { StoreError } from '../../../errors.ts';
import { durationInWords } from '../../../health/figures.ts';
import { defineProbe, type Reading } from '../../../health/probe.ts';
import { durationThresholds, limitReached, orElse, statusOf } from '../../../health/thresholds.ts';
import { postgresTls, quoteIdentifier, Session } from '../../../postgres/session.ts';
import { tlsDescription, tlsWords } from '../../../tls/tls.ts';

const options = z.strictObject({
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\//i, { error: 'is no PostgreSQL URL' })
    .describe('The primary, with a role that may write the canary’s table and nothing else. From the environment.'),
  tls: tlsWords.optional().describe(tlsDescription),
  standby: z.string().describe('The store where the row has to arrive.'),
  table: z
    .string()
    .regex(/^\w+(\.\w+)?$/, { error: 'is no table name' })
    .default('plumbline_canary')
    .describe('Default plumbline_canary.'),
  lag: orElse(durationThresholds, { warn: 1000, fail: 3000 }).describe(
    'How long it may take; the time-out has to be longer. Default { warn: 1s, fail: 3s }.',
  ),
});
type Options = z.infer<typeof options>;

const FIRST_LOOK_MS = 5;
const LOOK_MS = 50;

export const canary = defineProbe<Options>({
  kind: 'canary',
  summary: 'Whether a row written on the primary reaches a standby, and how long it takes.',
  options,
  servers: ({ standby }) => [{ path: ['standby'], name: standby, own: true }],
  async run(options, { name, servers, signal }) {
    // First, so that nothing is written for a standby that can't be asked.
    const standby = await servers.postgres(options.standby);
    await standby.query('connect', 'select 1', [], signal);
    const beat = await write(name, options, signal);
    const began = performance.now();
    const limit = options.lag.fail!;
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(2 * pause, LOOK_MS)) {
      const arrived = await shows(standby, name, beat, options);
      const took = performance.now() - began;
      if (arrived) return [arrivedReading(took, options)];
      if (took >= limit) return [absentReading(options)];
      await sleep(Math.min(pause, limit - took), undefined, { signal });
    }
  },
});

/** Returns the number that the row carries now: it only grows, so two who run this at the same time both see theirs arrive. */
async function write(prober: string, options: Options, signal: AbortSignal): Promise<string> {
  const { url } = options;
  const tls = postgresTls(options.tls, url, `health.probes.${prober}`);
  const session = new Session({ name: prober, url, tls, readOnly: false, connections: 1 });
  const table = quoted(options.table);
  try {
    return await session.using('write', async (client) => {
      const abort = () => void client.end().catch(() => {});
      signal.addEventListener('abort', abort, { once: true });
      try {
        // A primary whose synchronous standby is away would wait for it for ever.
        await client.query('set synchronous_commit = local');
        const { rows } = await client.query(
          `insert into ${table} as canary (prober, beat, written_at) values ($1, 1, now())
           on conflict (prober) do update set beat = canary.beat + 1, written_at = now() returning beat`,
          [prober],
        );
        return rows[0].beat as string;
      } finally {
        signal.removeEventListener('abort', abort);
      }
    });
  } catch (error) {
    throw withSetUp(error, options);
  } finally {
    await session.close();
  }
}

async function shows(standby: Session, prober: string, beat: string, { table }: Options): Promise<boolean> {
  try {
    const sql = `select from ${quoted(table)} where prober = $1 and beat >= $2`;
    return (await standby.query('read the canary', sql, [prober, beat])).length > 0;
  } catch (error) {
    // Its table was made a moment ago.
    if (codeOf(error) === '42P01') return false;
    if (codeOf(error) !== '42501') throw error;
    const [row] = await standby.query('ask', 'select current_user as role');
    const hint = `On the primary: GRANT SELECT ON ${table} TO ${row!.role};`;
    throw new StoreError(standby.name, 'read the canary', (error as StoreError).detail, { hint });
  }
}

function arrivedReading(took: number, { standby, lag }: Options): Reading {
  const status = statusOf(took, lag);
  const help = 'Time that a row took from the primary to a standby.';
  return {
    status,
    message: `reached ${standby} in ${durationInWords(took)}${limitReached(status, lag, durationInWords)}`,
    hint: status === 'ok' ? undefined : 'The standby is behind: a replication probe tells where the rows wait.',
    metrics: [{ name: 'canary_seconds', help, value: took / 1000, labels: { standby } }],
  };
}

function absentReading({ standby, lag }: Options): Reading {
  return {
    status: 'failed',
    message: `not on ${standby} after ${durationInWords(lag.fail!)}`,
    hint: 'What is committed on the primary does not arrive: does the standby follow this very server, and does it replay?',
  };
}

/** What is missing for the write is told as the SQL that makes it. */
function withSetUp(error: unknown, { table, url }: Options): unknown {
  if (!(error instanceof StoreError)) return error;
  const code = codeOf(error);
  const role = quoteIdentifier(urlParts(url)?.user ?? 'canary');
  const columns = 'prober text PRIMARY KEY, beat bigint NOT NULL, written_at timestamptz NOT NULL';
  const create = `CREATE TABLE ${table} (${columns});`;
  const grant = `GRANT SELECT, INSERT, UPDATE ON ${table} TO ${role};`;
  const hint = code === '42P01' ? `On the primary: ${create} ${grant}` : code === '42501' ? grant : undefined;
  if (hint === undefined) return error;
  return new StoreError(error.store, error.verb, error.detail, { cause: error.cause, hint });
}

function codeOf(error: unknown): unknown {
  return error instanceof StoreError ? (error.cause as { code?: unknown } | undefined)?.code : undefined;
}

function quoted(table: string): string {
  return table.split('.').map(quoteIdentifier).join('.');
}
