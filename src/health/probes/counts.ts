// `counts`: how many records each replica holds, held against its rows in the source. Both are counted, not estimated.

import { z } from 'zod';
import { ConfigError } from '../../errors.ts';
import type { ReadyReplica } from '../../plan/plan.ts';
import { shellWord } from '../../report/shell-word.ts';
import { readEach } from '../each.ts';
import { countInWords, percentInWords } from '../figures.ts';
import { defineProbe, type Reading } from '../probe.ts';
import { planReplica, replicaNames } from '../replicas.ts';

const rows = z.int({ error: 'is no number of rows; write 100 or 0.5%' }).nonnegative({ error: 'must not be negative' });
const percentage = z.string().regex(/^\d+(\.\d+)?\s*%$/, { error: 'is no number of rows; write 100 or 0.5%' });
/** A number of rows, or percent of the source's. */
const allowance = z.union([rows, percentage.transform((words) => ({ percent: Number.parseFloat(words) }))]);
type Allowance = z.infer<typeof allowance>;

const options = z.strictObject({
  replicas: z
    .array(z.string())
    .min(1, { error: 'needs at least one name' })
    .optional()
    .describe('Replicas, or stores or entities all of whose replicas are meant. Default: all but cached results.'),
  warn: allowance.optional().describe('It warns when a replica differs by more: rows, or percent of the source’s.'),
  fail: allowance.default(100).describe('It fails when a replica differs by more. Default 100.'),
});
type Limits = Pick<z.infer<typeof options>, 'warn' | 'fail'>;

export const counts = defineProbe<z.infer<typeof options>>({
  kind: 'counts',
  summary: 'How many records each replica holds, against its rows in the source.',
  options,
  servers: () => [],
  replicas: ({ replicas = [] }) => replicas.map((name, index) => ({ path: ['replicas', index], name, orAllOf: true })),
  async run({ replicas, ...limits }, { name: probe, config, servers, signal }) {
    const cached = new Set(config.entities.flatMap((entity) => entity.replicas.filter(({ cache }) => cache)));
    const names = replicaNames(config, replicas).filter((name) => ![...cached].some((one) => one.name === name));
    if (names.length === 0) {
      const message = 'none of them can be counted: what a cache holds has no count in the source';
      throw new ConfigError([{ path: `health.probes.${probe}.replicas`, message }], config.file);
    }
    // Replicas of one entity share the source's side.
    const bySource = new Map<string, Promise<number>>();
    return readEach(
      names,
      (name) => name,
      signal,
      async (name) => {
        const { source, entity, replica } = await planReplica(config, servers, name);
        const ofSource = bySource.get(entity.entity.name) ?? source.count(entity.relation, signal);
        bySource.set(entity.entity.name, ofSource);
        return judge(name, ...(await Promise.all([ofSource, countRecords(replica, signal)])), limits);
      },
    );
  },
});

async function countRecords({ store, replica }: ReadyReplica, signal: AbortSignal): Promise<number> {
  if (store.probing?.count !== undefined) return store.probing.count(replica, signal);
  let records = 0;
  for await (const page of store.scan(replica, signal)) records += page.length;
  return records;
}

function judge(name: string, source: number, replica: number, { warn, fail }: Limits): Reading {
  const difference = Math.abs(source - replica);
  const exceeds = (limit: Allowance) =>
    difference > (typeof limit === 'number' ? limit : (source * limit.percent) / 100);
  const status = exceeds(fail) ? 'failed' : warn !== undefined && exceeds(warn) ? 'warning' : 'ok';
  const limit =
    status === 'failed'
      ? ` (fails above ${inWords(fail)})`
      : status === 'warning'
        ? ` (warns above ${inWords(warn!)})`
        : '';
  const sides = `${countInWords(source, 'row')} in the source, ${countInWords(replica, 'record')} here`;
  const fewer = `${difference.toLocaleString('en-US')} ${replica < source ? 'fewer' : 'more'}`;
  const labels = { replica: name };
  return {
    status,
    message: difference === 0 ? sides : `${sides}: ${fewer}${limit}`,
    hint: status === 'ok' ? undefined : `plumbline check ${shellWord(name)} tells which.`,
    metrics: [
      { name: 'source_rows', help: 'Rows of the source that a replica should hold.', value: source, labels },
      { name: 'replica_records', help: 'Records that a replica holds.', value: replica, labels },
    ],
  };
}

function inWords(limit: Allowance): string {
  return typeof limit === 'number' ? limit.toLocaleString('en-US') : percentInWords(limit.percent);
}
