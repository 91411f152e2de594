// What a reader of the results must know beside the figures, one sentence each. No I/O.

import { WORKER_ROWS } from '../src/run/options.ts';
import { GOAL_ROWS, type StoreKind } from './copies.ts';
import { RELADIFF_HINT } from './reladiff.ts';
import type { Scales } from './window/measure-window.ts';

export interface Circumstances {
  readonly kinds: readonly StoreKind[];
  readonly rowsOf: (kind: StoreKind) => number;
  /** Of kinds. */
  readonly standIns: ReadonlySet<string>;
  /** Of each PostgreSQL server. */
  readonly settings: readonly string[];
  readonly reladiff: string | undefined;
  /** Rows of each of the four replicas; undefined where they were not measured. */
  readonly together: number | undefined;
  readonly scales: Scales | undefined;
}

const DRAINS: Readonly<Partial<Record<StoreKind, string>>> = {
  cassandra: 'Cassandra is drained with eachRow, autoPage and a fetchSize of 5,000, one page after the other.',
  neo4j: 'Neo4j is drained as applications do it, `MATCH (n:Label) RETURN n` with the driver’s defaults.',
  redis: 'Redis is drained with SCAN COUNT 1000 and HGETALL in pipelines of 1,000. It holds nothing but the copy.',
  oracle: 'Oracle is drained with a resultSet and a fetchArraySize of 1,000, its CLOB as text.',
};

export function notesOf(circumstances: Circumstances): readonly string[] {
  const { kinds, standIns, settings, together, scales } = circumstances;
  return [
    'Every measurement has a process of its own and takes its turn in every round; a ratio is the median of the rounds’ ratios. One kind of store runs at a time, but for the four replicas and the window.',
    'A drain and a check are timed from before connecting to after closing, and a check reads the source as well. A repair is timed from the end of its comparison to the end of the run; the bulk write has its records in memory and its connection open.',
    'Memory is the peak resident set of the measuring process: against that of the bare drain, and against its own after a warm-up with a thousand rows.',
    'maxLag is the default of 500 ms: a check that finds drift can’t end sooner after its snapshot.',
    new Set(settings).size === 1
      ? `All PostgreSQL servers run with ${settings[0]}, for every contestant alike.`
      : `The PostgreSQL servers are NOT tuned alike: ${settings.join('; ')}.`,
    ...fewRows(circumstances),
    ...kinds.flatMap((kind) => DRAINS[kind] ?? []),
    ...(standIns.has('mongodb')
      ? [
          'MongoDB is a stand-in that speaks its protocol: how fast it drains is its own, not MongoDB’s. The drain asks it for 1,000 documents at a time: left to itself it sends all at once, which takes twice as long.',
        ]
      : []),
    ...(standIns.has('oracle')
      ? ['Oracle is a stand-in that speaks its protocol: its figures say nothing of Oracle, and have no goals.']
      : []),
    ...(together === undefined
      ? []
      : [
          `Four replicas: one check of an entity of ${together.toLocaleString('en')} rows with a copy in each of MongoDB, Cassandra, Neo4j and Redis, their four servers and the source on this one machine; alone: the same check with one of them. Worker threads: as many as there are by default, and none (\`workers: 0\`).${together < WORKER_ROWS ? ` None is started for fewer than ${WORKER_ROWS.toLocaleString('en')} rows.` : ''}`,
        ]),
    ...(scales === undefined ? [] : [windowNote(scales)]),
    ...reladiffNote(circumstances),
  ];
}

function fewRows({ kinds, rowsOf }: Circumstances): readonly string[] {
  const few = kinds.filter((kind) => rowsOf(kind) < GOAL_ROWS);
  if (few.length === 0) return [];
  const words = few.map((kind) => `${kind} (${rowsOf(kind).toLocaleString('en')})`).join(', ');
  return [
    `The goals are for ${GOAL_ROWS.toLocaleString('en')} rows or more: with fewer, what does not grow with the rows weighs too much. Fewer have ${words}.`,
  ];
}

function windowNote({ few, many, newest }: Scales): string {
  const [fewer, more, window] = [few, many, newest].map((rows) => rows.toLocaleString('en'));
  return `The window: \`check --since 7d\` of reservas with ${fewer} and with ${more} reservations, three tables in Cassandra and the hosts’ statistics in MongoDB. Both have the same ${window} newest reservations in the window; what else would lie in it was moved eight days back. Cassandra holds the window’s reservations only, because look-ups never touch the others; source and MongoDB hold all.`;
}

function reladiffNote({ kinds, reladiff }: Circumstances): readonly string[] {
  if (!kinds.includes('postgres')) return [];
  if (reladiff === undefined) return [`${RELADIFF_HINT}.`];
  return ['reladiff is timed as a command, Python’s start included, and gets PGTZ=UTC, without which it errs here.'];
}
