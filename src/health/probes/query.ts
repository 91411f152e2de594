// `query`: one number, asked in a server's own words, held against conditions of the user's.

import { z } from 'zod';
import { askNumber, statement } from '../ask-number.ts';
import { defineProbe } from '../probe.ts';
import { condition, holds } from '../thresholds.ts';

const options = z.strictObject({
  server: z.string().describe('`source` or the name of one of `stores`.'),
  query: statement,
  column: z.string().optional().describe('The column of the answer that holds the number. Default: the first one.'),
  warn: condition.optional().describe('When it warns: `> 100`, `!= 0`.'),
  fail: condition.optional().describe('When it fails.'),
  unit: z.string().optional().describe('Stands behind the number: `rows`.'),
});

export const query = defineProbe<z.infer<typeof options>>({
  kind: 'query',
  summary: 'Any single number, asked in the server’s own words.',
  options,
  servers: ({ server }) => [{ path: ['server'], name: server, own: false }],
  async run({ warn, fail, unit, ...question }, { servers, signal }) {
    const { value, words: answer } = await askNumber(servers, question, signal);
    const failed = fail !== undefined && holds(fail, value);
    const limit = failed ? fail : warn !== undefined && holds(warn, value) ? warn : undefined;
    const words = unit === undefined ? answer : `${answer} ${unit}`;
    return [
      {
        status: failed ? 'failed' : limit === undefined ? 'ok' : 'warning',
        message: limit === undefined ? words : `${words} (${failed ? 'fails' : 'warns'} at ${limit})`,
        metrics: [{ name: 'query_value', help: 'The answer of a query probe.', value }],
      },
    ];
  },
});
