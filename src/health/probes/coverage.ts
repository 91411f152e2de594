// `coverage`: how much of a whole has what it should have: two numbers that any two servers tell, or an entity's rows that stand in a replica.

import { z } from 'zod';
import { shellWord } from '../../report/shell-word.ts';
import { askNumber, type Question, statement } from '../ask-number.ts';
import { percentInWords } from '../figures.ts';
import { defineProbe, type ProbeContext, type Status } from '../probe.ts';
import { countReached } from '../reached.ts';
import { planReplica } from '../replicas.ts';
import { percentOption } from '../thresholds.ts';

const question = z.strictObject({
  server: z.string().describe('`source` or the name of one of `stores`.'),
  query: statement,
  column: z.string().optional().describe('The column of the answer that holds the number. Default: the first one.'),
});

const options = z
  .strictObject({
    words: z.string().optional().describe('What is said behind the numbers: `episodes have an embedding`.'),
    whole: question.optional().describe('How many there are.'),
    part: question.optional().describe('How many of them have what is wanted.'),
    replica: z
      .string()
      .optional()
      .describe(
        'In place of both: all rows of its entity, and how many of them are found in this replica by their key.',
      ),
    warn: percentOption.optional().describe('It warns below this share.'),
    fail: percentOption.default(99).describe('It fails below this share. Default 99%.'),
  })
  .superRefine(({ whole, part, replica }, context) => {
    const isPair = whole !== undefined && part !== undefined;
    const isOne = replica === undefined ? isPair : whole === undefined && part === undefined;
    if (!isOne) context.addIssue('needs whole and part, or replica');
  });

export const coverage = defineProbe<z.infer<typeof options>>({
  kind: 'coverage',
  summary: 'How much of a whole has what it should have: embeddings, cached copies, anything that can be counted.',
  options,
  servers: ({ whole, part }) => [
    ...(whole === undefined ? [] : [{ path: ['whole', 'server'], name: whole.server, own: false }]),
    ...(part === undefined ? [] : [{ path: ['part', 'server'], name: part.server, own: false }]),
  ],
  replicas: ({ replica }) => (replica === undefined ? [] : [{ path: ['replica'], name: replica, orAllOf: false }]),
  async run({ words, replica, warn, fail, ...asked }, context) {
    const { whole, part } = replica === undefined ? await askBoth(asked, context) : await reached(replica, context);
    const percent = whole === 0 ? 100 : (100 * part) / whole;
    const wanted = percent < fail ? fail : warn !== undefined && percent < warn ? warn : undefined;
    const status: Status = wanted === undefined ? 'ok' : wanted === fail ? 'failed' : 'warning';
    const counted = [`${inWords(part)} of ${inWords(whole)}`, words].filter((part) => part !== undefined).join(' ');
    return [
      {
        status,
        message: wanted === undefined ? counted : `${counted} (wants ${percentInWords(wanted)})`,
        hint:
          status !== 'ok' && replica !== undefined
            ? `plumbline check ${shellWord(replica)} tells which are missing.`
            : undefined,
        metrics: [
          { name: 'coverage_ratio', help: 'Share of a whole that has what it should have.', value: percent / 100 },
          { name: 'coverage_whole', help: 'How many there are.', value: whole },
          { name: 'coverage_part', help: 'How many of them have what they should have.', value: part },
        ],
      },
    ];
  },
});

interface Counted {
  readonly whole: number;
  readonly part: number;
}

async function askBoth(
  { whole, part }: { readonly whole?: Question; readonly part?: Question },
  { servers, signal }: ProbeContext,
): Promise<Counted> {
  const [all, some] = await Promise.all([askNumber(servers, whole!, signal), askNumber(servers, part!, signal)]);
  return { whole: all.value, part: some.value };
}

async function reached(name: string, { config, servers, signal }: ProbeContext): Promise<Counted> {
  return countReached(await planReplica(config, servers, name), signal);
}

function inWords(count: number): string {
  return count.toLocaleString('en-US');
}
