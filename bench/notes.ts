// What a reader of the results must know beside the figures, one sentence each. No I/O.

import { WORKER_ROWS } from '../src/run/options.ts';
import { GOAL_ROWS, type StoreKind } from './copies.ts';
import { LINE_RATE } from './lines.ts';
import type { Part } from './options.ts';
import { RELADIFF_HINT } from './reladiff.ts';
import type { Results } from './results.ts';
import { OTHER_THREADS } from './together.ts';
import type { Scales } from './window/measure-window.ts';

export interface Circumstances {
  /** Of kinds. */
  readonly standIns: ReadonlySet<string>;
  /** Of each PostgreSQL server. */
  readonly settings: readonly string[];
  readonly reladiff: string | undefined;
  /** Rows of each of the four replicas. */
  readonly together: number;
  readonly scales: Scales;
}

const DRAINS: Readonly<Partial<Record<StoreKind, string>>> = {
  cassandra: 'Cassandra is drained with eachRow, autoPage and a fetchSize of 5,000, one page after the other.',
  neo4j: 'Neo4j is drained as applications do it, `MATCH (n:Label) RETURN n` with the driver’s defaults.',
  redis: 'Redis is drained with SCAN COUNT 1000 and HGETALL in pipelines of 1,000. It holds nothing but the copy.',
  oracle: 'Oracle is drained with a resultSet and a fetchArraySize of 1,000, its CLOB as text.',
};

/** Of every part. */
export function commonNotes({ parts }: Results): readonly string[] {
  return [
    'Every measurement has a process of its own and takes its turn in every round; a ratio is the median of the rounds’ ratios. One kind of store runs at a time, but for the four replicas and the window.',
    'A drain and a check are timed from before connecting to after closing, and a check reads the source as well. A repair is timed from the end of its comparison to the end of the run; the bulk write has its records in memory and its connection open.',
    'Memory is the peak resident set of the measuring process: against that of the bare drain, and against its own after a warm-up with a thousand rows.',
    'Cores busy is the whole machine’s, servers included, on average over the time; of them for us: for the measuring process. Main thread busy is the share of the time in which its main thread was not waiting.',
    'maxLag is the default of 500 ms: a check that finds drift can’t end sooner after its snapshot.',
    ...fewRows(parts),
  ];
}

/** What is to be said of a part where it was measured. */
export function partNotes(part: Part, circumstances: Circumstances): readonly string[] {
  const { standIns, settings } = circumstances;
  return [
    new Set(settings).size === 1
      ? `All PostgreSQL servers run with ${settings[0]}, for every contestant alike.`
      : `The PostgreSQL servers are NOT tuned alike: ${settings.join('; ')}.`,
    ...(standIns.has('mongodb')
      ? [
          'MongoDB is a stand-in that speaks its protocol: how fast it drains is its own, not MongoDB’s. The drain asks it for 1,000 documents at a time: left to itself it sends all at once, which takes twice as long.',
        ]
      : []),
    ...(standIns.has('oracle')
      ? ['Oracle is a stand-in that speaks its protocol: its figures say nothing of Oracle, and have no goals.']
      : []),
    ...ownNotes(part, circumstances),
  ];
}

function ownNotes(part: Part, { reladiff, together, scales }: Circumstances): readonly string[] {
  if (part === 'together') return togetherNotes(together);
  if (part === 'threads') return [THREADS_NOTE];
  if (part === 'window') return [windowNote(scales)];
  if (part !== 'postgres') return [DRAINS[part] ?? []].flat();
  return reladiff === undefined
    ? [`${RELADIFF_HINT}.`]
    : ['reladiff is timed as a command, Python’s start included, and gets PGTZ=UTC, without which it errs here.'];
}

const THREADS_NOTE =
  'Worker threads: one check of an entity with two replicas that one Redis holds as JSON, which costs us more to decode than the server to send; both in the main thread, and one of them in a worker thread.';

function fewRows(parts: Results['parts']): readonly string[] {
  const few = Object.entries(parts).filter(([part, { rows }]) => part !== 'together' && rows < GOAL_ROWS);
  if (few.length === 0) return [];
  const words = few.map(([part, { rows }]) => `${part} (${rows.toLocaleString('en')})`).join(', ');
  return [
    `The goals are for ${GOAL_ROWS.toLocaleString('en')} rows or more: with fewer, what does not grow with the rows weighs too much. Fewer have ${words}.`,
  ];
}

function togetherNotes(rows: number): readonly string[] {
  const few = rows < WORKER_ROWS ? ` None is started for fewer than ${WORKER_ROWS.toLocaleString('en')} rows.` : '';
  const threads =
    OTHER_THREADS === 0
      ? 'By default replicas are read in worker threads here; without: `workers: 0`.'
      : 'By default all replicas are read in the main thread here, as there is no core to spare; with a worker thread: `workers: 1`.';
  return [
    `Four replicas: one check of an entity of ${rows.toLocaleString('en')} rows with a copy in each of MongoDB, Cassandra, Neo4j and Redis, their four servers and the source on this one machine; alone: the same check with one of them.`,
    `${threads}${few}`,
    `Over lines: what each of the four servers sends comes at ${(LINE_RATE / 1e6).toLocaleString('en')} MB a second, by way of a process of its own, so that waiting for the stores is the bound and not the cores of this machine.`,
  ];
}

function windowNote({ few, many, newest }: Scales): string {
  const [fewer, more, window] = [few, many, newest].map((rows) => rows.toLocaleString('en'));
  return `The window: \`check --since 7d\` of reservas with ${fewer} and with ${more} reservations, three tables in Cassandra and the hosts’ statistics in MongoDB. Both have the same ${window} newest reservations in the window, which belong to somewhat more hosts where there are more; what else would lie in it was moved eight days back. Cassandra holds the window’s reservations only, because look-ups never touch the others; source and MongoDB hold all.`;
}
