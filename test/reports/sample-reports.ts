// Reports of every kind of outcome, as the engine would hand them to a renderer.

import {
  type BacklogReport,
  type Coverage,
  type FieldDifference,
  type Finding,
  type FindingClass,
  noCounts,
  type RepairReport,
  type ReplicaReport,
  type Report,
} from '../../src/report/report.ts';

export const SECRET = 'hunter2-and-its-hash';

const SEEN = { seenAt: '2026-11-22T02:00:05.100Z', provenAt: '2026-11-22T02:00:05.700Z' };

const COVERAGE: Coverage = {
  fields: ['id', 'status', 'updated_at'],
  ignored: [],
  skipped: [],
  orphans: true,
  rows: 'every row',
  notes: [],
  maxLag: 500,
};

export function replica(name: string, entity: string, more: Partial<ReplicaReport> = {}): ReplicaReport {
  const store = name.split('.')[0]!;
  return {
    name,
    entity,
    store,
    kind: 'mongodb',
    strategy: 'digests',
    why: 'mongodb can not hash rows, and 41,200 digests fit the memory',
    status: 'proven',
    sourceRows: 41_200,
    replicaRows: 41_200,
    counts: noCounts(),
    inFlight: { count: 0, longestLag: 0 },
    coverage: COVERAGE,
    findings: [],
    seconds: 0.9,
    ...more,
  };
}

export function finding(
  of: string,
  entity: string,
  name: FindingClass,
  key: Finding['key'],
  fields: readonly FieldDifference[] = [],
  more: Partial<Finding> = {},
): Finding {
  return { replica: of, entity, class: name, key, fields, ...SEEN, ...more };
}

export function differs(
  name: string,
  replicaValue: string | null,
  source: string | null,
  target = name,
): FieldDifference {
  return { name, target, replica: replicaValue, source };
}

export function report(replicas: readonly ReplicaReport[], more: Partial<Report> = {}): Report {
  return {
    schema: 'plumbline.report/1',
    run: '20261122-020003-k3f9',
    command: 'check',
    config: 'plumbline.yaml',
    startedAt: '2026-11-22T02:00:03.012Z',
    seconds: 9.1,
    asOf: '2026-11-22T02:00:03.221+00:00',
    verdict: 'in sync',
    exitCode: 0,
    replicas,
    problems: [],
    folder: '.plumbline/runs/20261122-020003-k3f9',
    ...more,
  };
}

const counts = (some: Partial<Record<FindingClass, number>>) => ({ ...noCounts(), ...some });
const ANALYTICS = 'analytics.bookings_by_guest';
const STATISTICS = 'docs.host_statistics';
const MILLISECONDS = 'docs holds milliseconds';

const equal = [
  replica(ANALYTICS, 'booking', {
    kind: 'postgres',
    strategy: 'sums',
    sourceRows: 1_000_000,
    replicaRows: 1_000_000,
    seconds: 6.1,
  }),
  replica(STATISTICS, 'host_statistics', { coverage: { ...COVERAGE, notes: [MILLISECONDS] } }),
  replica('docs.bookings', 'booking', {
    sourceRows: 1_000_000,
    replicaRows: 1_000_000,
    seconds: 7.42,
    coverage: { ...COVERAGE, notes: [MILLISECONDS], ignored: ['notes', 'search_text'] },
  }),
  replica('archive.guests', 'guest', { kind: 'postgres', sourceRows: 512_774, replicaRows: 512_774, seconds: 2.2 }),
  replica('archive.hosts', 'host', { kind: 'postgres', sourceRows: 12, replicaRows: 12, seconds: 0.041 }),
];

const analyticsDrift = replica(ANALYTICS, 'booking', {
  kind: 'postgres',
  strategy: 'sums',
  sourceRows: 1_000_000,
  replicaRows: 999_988,
  seconds: 6.1,
  counts: counts({ missing: 12 }),
  inFlight: { count: 37, longestLag: 410 },
  findings: [120_044, 120_045, 120_046, 120_047, 120_048, 120_049].map((id) =>
    finding(ANALYTICS, 'booking', 'missing', { id: String(id) }),
  ),
});
const statisticsDrift = replica(STATISTICS, 'host_statistics', {
  sourceRows: 41_200,
  replicaRows: 41_203,
  counts: counts({ stale: 9, mismatched: 2, orphan: 3 }),
  coverage: { ...COVERAGE, notes: [MILLISECONDS], ignored: ['notes'] },
  findings: [
    finding(STATISTICS, 'host_statistics', 'stale', { host: '41' }, [
      differs('total_reviews', '17', '18'),
      differs('avg_rating', '4.41', '4.44'),
      differs('updated_at', '2026-11-20T22:10:00.000000Z', '2026-11-22T01:14:07.221000Z'),
    ]),
    finding(STATISTICS, 'host_statistics', 'mismatched', { host: '97' }, [
      differs(
        'recent_ratings',
        '[{"date": "2026-11-18T10:00:00Z", "rating": 5}, {"date": "2026-11-20T22:10:00Z", "rating": 3}]',
        '[{"date": "2026-11-18T10:00:00Z", "rating": 5}, {"date": "2026-11-20T22:10:05Z", "rating": 3}]',
      ),
    ]),
    finding(STATISTICS, 'host_statistics', 'orphan', { host: '88001' }),
  ],
});

const graphDown = replica('graph.BOOKED_IN', 'booked_in', {
  kind: 'neo4j',
  status: 'unproven',
  sourceRows: null,
  replicaRows: null,
  seconds: 5.01,
  error: {
    where: 'graph',
    message: 'graph: connect: bolt://graph:7687: connection refused',
    hint: 'Is Neo4j running, and may this machine reach it?',
  },
});

const written = (repair: Partial<RepairReport>): RepairReport => ({
  applied: true,
  planned: { insert: 0, update: 0, delete: 0 },
  outcomes: { written: 0, unchanged: 0, moved: 0, refused: 0 },
  left: {},
  errors: [],
  verified: { read: 0, equal: 0 },
  ...repair,
});

const driftCode = { verdict: 'drift', exitCode: 1 } as const;
const incomplete = { verdict: 'incomplete', exitCode: 3 } as const;
const HUGE = `warehouse.${'customer_lifetime_value_by_region_and_quarter_'.repeat(4)}2026`;

export const HOSTILE = [
  '\u001b[31mred\u001b[0m\u001b]0;title\u0007',
  'line one\nline two\r\n\tand three',
  '</failure>]]>&<script>alert(1)</script>',
  '| a | b | ``` `code` **bold** [x](y) @team',
  '\u202Eright to left\u202C zero\u200bwidth \u0000 \u0085 \u2028 \ud800',
  '漢字かな交じり文とても長い値がここに入りますので切る必要があります 🎉🎉🎉',
];

const hostile = replica('docs.\u001b[2Jevil`|<b>', 'ent\nity', {
  counts: counts({ mismatched: 6, unread: 1, ahead: 1 }),
  status: 'unproven',
  error: { where: 'docs', message: `docs: scan: ${HOSTILE.join(' ')}`, hint: HOSTILE[0] },
  findings: [
    ...HOSTILE.map((value, at) =>
      finding('docs.evil', 'ent\nity', 'mismatched', { [`k\n${at}`]: value }, [
        differs(`f\u0007${at}`, value, HOSTILE[(at + 1) % 6]!),
      ]),
    ),
    finding('docs.evil', 'ent\nity', 'unread', { id: '7' }, [], {
      reason: `can't decode \u001b[31m\n${'x'.repeat(200)}`,
    }),
    finding('docs.evil', 'ent\nity', 'ahead', { id: '8' }, [differs('name', 'Jose\u0301', 'José')], {
      sourceVersion: '2026-11-22T01:14:07.221000Z',
      replicaVersion: '2026-11-22T01:14:09.000000Z',
    }),
  ],
  coverage: { ...COVERAGE, notes: [HOSTILE[0]!], ignored: ['\u001b[2J'], rows: 'every\nrow' },
});

const subject = { entity: 'booking', key: { id: '123' }, exists: true, version: '2026-11-22T01:14:07.221000Z' };
const oneKey = { ...COVERAGE, rows: '1 key', orphans: false };
const lookup = { strategy: 'lookup', sourceRows: 1, replicaRows: 1, coverage: oneKey, seconds: 0.02 } as const;

const named = { ...lookup, sourceRows: 36, replicaRows: 35, coverage: { ...oneKey, rows: '37 keys' } } as const;
const backlog: BacklogReport = {
  kind: 'queue',
  name: 'replication',
  read: 41,
  records: 37,
  notChosen: 1,
  unread: 2,
  examples: [
    { id: '17', reason: 'data.entityType "vehiculo" names no entity of the config' },
    { id: 'a\u001b[31m b', reason: 'data.data.id is missing' },
  ],
};
const unnamed = {
  where: 'queue replication',
  message: "it can't be told what 2 of 41 failed jobs name",
  hint: 'Say in the config how a job names its record (docs/config.md, Queues and outbox).',
};

export const samples = {
  'in-sync': report(equal),
  drift: report([analyticsDrift, statisticsDrift, ...equal.slice(2)], driftCode),
  'store-down': report([...equal.slice(0, 4), graphDown], { ...incomplete, config: 'reservas.yaml' }),
  'drift-and-store-down': report(
    [statisticsDrift, ...equal.slice(2), graphDown, { ...graphDown, name: 'graph.REVIEWED' }],
    incomplete,
  ),
  'nothing-compared': report([], {
    ...incomplete,
    asOf: null,
    seconds: 0.21,
    folder: null,
    problems: [
      {
        where: 'source',
        message: 'source: connect: postgres://plumbline:***@db:5432/app: password authentication failed',
        hint: 'Check PLUMBLINE_SOURCE_URL.',
      },
    ],
  }),
  interrupted: report(
    [
      statisticsDrift,
      replica('docs.bookings', 'booking', {
        status: 'unproven',
        replicaRows: 310_000,
        sourceRows: 1_000_000,
        error: { where: 'docs.bookings', message: 'interrupted after 310,000 records' },
      }),
    ],
    {
      ...incomplete,
      problems: [{ where: 'run', message: 'interrupted' }],
    },
  ),
  unread: report(
    [
      replica('docs.incidents', 'incident', {
        status: 'unproven',
        counts: counts({ unread: 2 }),
        coverage: { ...COVERAGE, skipped: ['geo'], orphans: false, rows: '1,204 rows of the last 7d' },
        findings: [
          finding('docs.incidents', 'incident', 'unread', { id: '8812' }, [], {
            reason: 'status holds 9, which no word maps to',
          }),
          finding('docs.incidents', 'incident', 'unread', { id: '8813' }, [], {
            reason: 'changed in each of 51 looks within 5s',
          }),
        ],
      }),
      equal[3]!,
    ],
    incomplete,
  ),
  'orphans-and-ahead': report(
    [
      replica('docs.incidents', 'incident', {
        counts: counts({ ahead: 1, orphan: 1, duplicate: 1 }),
        findings: [
          finding(
            'docs.incidents',
            'incident',
            'ahead',
            { tenant: 'acme', id: '7' },
            [differs('status', 'closed', 'open')],
            {
              sourceVersion: '2026-11-22T01:14:07.221000Z',
              replicaVersion: '2026-11-22T01:20:00.000000Z',
            },
          ),
          finding('docs.incidents', 'incident', 'orphan', { tenant: "o'neil & co", id: '9' }),
          finding('docs.incidents', 'incident', 'duplicate', { tenant: 'acme', id: '12' }, [], { copies: 3 }),
        ],
      }),
    ],
    driftCode,
  ),
  'dry-run': report(
    [
      { ...analyticsDrift, repair: written({ applied: false, planned: { insert: 12, update: 0, delete: 0 } }) },
      {
        ...statisticsDrift,
        repair: written({ applied: false, planned: { insert: 0, update: 11, delete: 0 }, left: { orphan: 3 } }),
      },
      ...equal.slice(2),
    ],
    { ...driftCode, command: 'reconcile' },
  ),
  applied: report(
    [
      {
        ...analyticsDrift,
        repair: written({
          planned: { insert: 12, update: 0, delete: 0 },
          outcomes: { written: 10, unchanged: 0, moved: 1, refused: 1 },
          errors: ['value too long for type character varying(40) (key 120046, column guest_name)'],
          verified: { read: 10, equal: 10 },
          remaining: 2,
        }),
      },
      {
        ...statisticsDrift,
        repair: written({
          planned: { insert: 0, update: 11, delete: 0 },
          outcomes: { written: 11, unchanged: 0, moved: 0, refused: 0 },
          left: { orphan: 3 },
          verified: { read: 11, equal: 11 },
        }),
      },
      ...equal.slice(2),
    ],
    { ...driftCode, command: 'reconcile' },
  ),
  'orphans-left': report(
    [
      {
        ...statisticsDrift,
        repair: written({
          planned: { insert: 0, update: 11, delete: 0 },
          outcomes: { written: 11, unchanged: 0, moved: 0, refused: 0 },
          left: { orphan: 3 },
          verified: { read: 11, equal: 11 },
        }),
      },
      ...equal.slice(2),
    ],
    { ...driftCode, command: 'reconcile' },
  ),
  repaired: report(
    [
      {
        ...analyticsDrift,
        repair: written({
          planned: { insert: 12, update: 0, delete: 0 },
          outcomes: { written: 11, unchanged: 1, moved: 0, refused: 0 },
          verified: { read: 12, equal: 12 },
        }),
      },
      ...equal.slice(2),
    ],
    { command: 'reconcile' },
  ),
  refused: report(
    [
      {
        ...analyticsDrift,
        replicaRows: 0,
        counts: counts({ missing: 1_000_000 }),
        repair: written({ applied: false, planned: { insert: 1_000_000, update: 0, delete: 0 } }),
      },
      ...equal.slice(1),
    ],
    {
      command: 'reconcile',
      verdict: 'refused',
      exitCode: 4,
      problems: [
        {
          where: ANALYTICS,
          message: 'a repair would write 1,000,000 records, the limit is 10,000 in one run',
          hint: 'If that is what you want: --max-rows 1000000',
        },
      ],
    },
  ),
  locked: report([], {
    command: 'reconcile',
    verdict: 'incomplete',
    exitCode: 5,
    asOf: null,
    folder: null,
    seconds: 0.05,
    problems: [
      {
        where: 'lock',
        message: 'run 20261122-015500-a1b2 (pid 4711) has held docs.bookings for 8 min',
        hint: 'Wait for it to end.',
      },
    ],
  }),
  'verify-good': report(
    [
      replica('analytics.bookings_by_guest', 'booking', lookup),
      replica('analytics.bookings_by_date', 'booking', lookup),
      replica('analytics.bookings_by_property', 'booking', lookup),
      replica('docs.bookings', 'booking', {
        ...lookup,
        coverage: { ...oneKey, notes: [MILLISECONDS] },
        inFlight: { count: 1, longestLag: 120 },
      }),
    ],
    { command: 'verify-sync', subject, seconds: 0.3, folder: null },
  ),
  'verify-bad': report(
    [
      replica('analytics.bookings_by_guest', 'booking', lookup),
      replica('analytics.bookings_by_date', 'booking', lookup),
      replica('docs.bookings', 'booking', {
        ...lookup,
        counts: counts({ stale: 1 }),
        findings: [
          finding('docs.bookings', 'booking', 'stale', { id: '123' }, [
            differs('status_id', 'pending', 'confirmed', 'status'),
            differs('check_in', '2026-12-01', '2026-12-02', 'stay.checkIn'),
            differs('comment', null, `${'Please leave the key with the neighbour. '.repeat(4)}Thanks`),
            differs('updated_at', '2026-11-20T22:10:00.000000Z', '2026-11-22T01:14:07.221000Z', 'updatedAt'),
            { name: 'door_code', target: 'doorCode', sensitive: true },
          ]),
        ],
      }),
      replica(STATISTICS, 'host_statistics', {
        ...lookup,
        counts: counts({ mismatched: 1 }),
        findings: [
          finding(STATISTICS, 'host_statistics', 'mismatched', { host: '41' }, [differs('total_reviews', '17', '18')]),
        ],
      }),
      replica('legacy.BOOKING', 'booking', {
        ...lookup,
        status: 'unproven',
        sourceRows: null,
        replicaRows: null,
        error: {
          where: 'legacy',
          message: 'legacy: connect: ORA-12541 no listener (legacy-db:1521)',
          hint: 'Is the listener running?',
        },
      }),
    ],
    { ...incomplete, command: 'verify-sync', subject, seconds: 0.3, folder: null },
  ),
  'verify-deleted': report(
    [
      replica('docs.bookings', 'booking', {
        ...lookup,
        sourceRows: 0,
        counts: counts({ orphan: 1 }),
        findings: [finding('docs.bookings', 'booking', 'orphan', { id: '123' })],
      }),
      replica('archive.bookings', 'booking', { ...lookup, sourceRows: 0, replicaRows: 0 }),
    ],
    {
      ...driftCode,
      command: 'verify-sync',
      subject: { ...subject, exists: false, version: undefined },
      seconds: 0.3,
      folder: null,
    },
  ),
  sensitive: report(
    [
      replica('docs.users', 'user', {
        counts: counts({ mismatched: 1 }),
        // Values that should not be there: no renderer may pass them on.
        findings: [
          finding('docs.users', 'user', 'mismatched', { id: '5' }, [
            { ...differs('password', SECRET, `${SECRET}!`), sensitive: true },
            differs('name', ' Ana', 'Ana'),
          ]),
        ],
      }),
    ],
    driftCode,
  ),
  'from-queue': report(
    [
      replica('docs.incidents', 'incident', {
        ...named,
        counts: counts({ missing: 2, stale: 1, orphan: 1 }),
        findings: [
          finding('docs.incidents', 'incident', 'missing', { id: 'inc_7' }),
          finding('docs.incidents', 'incident', 'missing', { id: 'inc_9' }),
          finding('docs.incidents', 'incident', 'stale', { id: 'inc_12' }, [differs('status', '1', '2')]),
          finding('docs.incidents', 'incident', 'orphan', { id: 'inc_14' }),
        ],
      }),
    ],
    { ...incomplete, backlog, problems: [unnamed] },
  ),
  'queue-settled': report(
    [
      replica('docs.incidents', 'incident', {
        ...named,
        counts: counts({ missing: 2, orphan: 1 }),
        findings: [
          finding('docs.incidents', 'incident', 'missing', { id: 'inc_7' }),
          finding('docs.incidents', 'incident', 'missing', { id: 'inc_9' }),
          finding('docs.incidents', 'incident', 'orphan', { id: 'inc_14' }),
        ],
        repair: written({
          planned: { insert: 2, update: 0, delete: 0 },
          outcomes: { written: 2, unchanged: 0, moved: 0, refused: 0 },
          left: { orphan: 1 },
          verified: { read: 2, equal: 2 },
        }),
      }),
    ],
    {
      ...incomplete,
      command: 'reconcile',
      problems: [unnamed],
      backlog: {
        ...backlog,
        settled: {
          how: 'remove',
          settled: 32,
          left: [
            {
              reason: 'not proven equal in every replica',
              count: 7,
              examples: ['21', '22', '23', 'replication:2026-11-22:24', '25'],
            },
            { reason: 'what they name can’t be told', count: 2, examples: ['17', 'a\u001b[31m b'] },
          ],
        },
      },
    },
  ),
  'queue-equal': report([replica('docs.incidents', 'incident', named)], {
    command: 'reconcile',
    backlog: { ...backlog, unread: 0, examples: [], notChosen: 0 },
  }),
  'outbox-marked': report([replica('docs.incidents', 'incident', named)], {
    command: 'reconcile',
    backlog: {
      kind: 'outbox',
      name: 'outbox',
      read: 40,
      records: 37,
      notChosen: 0,
      unread: 0,
      examples: [],
      settled: {
        how: 'mark',
        settled: 3,
        left: [
          { reason: 'not failed, so still the relay’s to publish', count: 37, examples: ['4', '5', '6', '7', '8'] },
        ],
      },
    },
  }),
  'nothing-in-queue': report([], {
    backlog: { ...backlog, read: 0, records: 0, unread: 0, notChosen: 0, examples: [] },
  }),
  hostile: report([hostile], {
    ...incomplete,
    config: 'a\u001b[31m b.yaml',
    problems: [{ where: 'x\ny', message: HOSTILE[2]! }],
  }),
  'huge-names': report(
    [
      replica(HUGE, 'customer_lifetime_value', {
        sourceRows: 10_200_300_400,
        replicaRows: 10_200_300_399,
        seconds: 4_321,
        counts: {
          missing: 1_234_567,
          stale: 23_456_789,
          ahead: 12,
          mismatched: 3_456,
          orphan: 987_654,
          duplicate: 3,
          unread: 45,
        },
        status: 'unproven',
        findings: [
          finding(HUGE, 'customer_lifetime_value', 'stale', { [`${'k'.repeat(60)}`]: 'v'.repeat(300) }, [
            differs('c'.repeat(90), `${'same '.repeat(60)}old`, `${'same '.repeat(60)}new`),
            ...Array.from({ length: 12 }, (_, at) => differs(`field_${at}`, String(at), String(at + 1))),
          ]),
          finding(HUGE, 'customer_lifetime_value', 'missing', { customer: '1' }),
        ],
      }),
    ],
    {
      ...incomplete,
      config: `/srv/${'configurations/'.repeat(8)}warehouse.yaml`,
      folder: `/srv/${'state/of/the/runs/'.repeat(8)}20261122-020003-k3f9`,
    },
  ),
} satisfies Record<string, Report>;
