// A backlog of any length becomes keys, each once, in bounded memory; what does not fit is said.

import { expect, test } from 'vitest';
import type { Backlog, Item } from '../../src/backlog/backlog.ts';
import { parseConfig } from '../../src/index.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { gatherKeys } from '../../src/run/backlog.ts';
import { parseJson } from '../../src/value/json.ts';

const FILE = `
source: { url: postgres://x@h/d }
stores: { backup: { kind: postgres, url: postgres://x@h/e }, jobs: { kind: redis, url: redis://h } }
entities:
  incidents: { table: incidents, replicas: [{ store: backup }] }
  users: { table: users, replicas: [{ store: backup }] }
queues: { replication: { store: jobs, jobs: { entity: name, key: data.id } } }
`;
const config = parseConfig(FILE, '/nowhere/plumbline.yaml', {});
const [incidents] = config.entities;
const id = { name: 'id', target: 'id', type: { kind: 'text' }, nullable: false } as const;
const plan = { atOnce: 1, memory: 0, entities: [{ entity: incidents!, key: [id], replicas: [] }] } as unknown as Plan;
const options = { from: { queue: 'replication' } } as const;

function backlogOf(pages: readonly (readonly Item[])[]): Backlog {
  return {
    title: 'queue replication',
    noun: 'failed job',
    async *items() {
      yield* pages;
    },
    settler: () => Promise.reject(new Error('nothing is settled')),
  };
}

const job = (number: number, name: string, key: string): Item => ({
  id: String(number),
  content: parseJson(JSON.stringify({ name, data: { id: key } })),
});

test('each record once, whatever page its jobs are in', async () => {
  const pages = [
    [job(1, 'incidents', 'a'), job(2, 'incidents', 'b')],
    [],
    [job(3, 'incidents', 'a'), job(4, 'users', 'u'), job(5, 'ghost', 'g')],
  ];
  const { keys, report, problems } = await gatherKeys(config, backlogOf(pages), plan, options);
  expect([...keys]).toEqual([['incidents', [['a'], ['b']]]]);
  expect(report).toMatchObject({ read: 5, records: 2, notChosen: 1, unread: 1, examples: [{ id: '5' }] });
  // Without the values, which stand in the examples: problems go to logs and alerts.
  expect(problems).toEqual([expect.objectContaining({ message: "it can't be told what 1 of 5 failed jobs names" })]);
});

test('no more records than can be remembered, and a word about the rest', async () => {
  const pages = Array.from({ length: 50 }, (_, page) =>
    Array.from({ length: 100 }, (_, i) => job(page * 100 + i, 'incidents', `inc_${(page * 100 + i) % 1500}`)),
  );
  const { keys, report, problems } = await gatherKeys(config, backlogOf(pages), plan, options, 1000);
  expect(keys.get('incidents')).toHaveLength(1000);
  expect(report).toMatchObject({ read: 5000, records: 1000 });
  expect(problems).toEqual([
    expect.objectContaining({ message: expect.stringMatching(/^it names more than 1,000 records/) }),
  ]);
  expect((await gatherKeys(config, backlogOf(pages), plan, options, 1500)).problems).toEqual([]);
});

test('the first reasons only', async () => {
  const { report } = await gatherKeys(
    config,
    backlogOf([Array.from({ length: 20 }, (_, i) => job(i, 'ghost', 'x'))]),
    plan,
    options,
  );
  expect(report.unread).toBe(20);
  expect(report.examples).toHaveLength(5);
});
