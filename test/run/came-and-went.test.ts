// A source value that comes and goes between the snapshot and the first look: the source then shows what the snapshot had, and the replica,
// which follows in time, what the source had meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { check, defineStore, parseConfig, type Row, type Store } from '../../src/index.ts';
import { freshPostgres, sql } from '../databases.ts';

const MAX_LAG = 300;
const LAG = 100;
const url = await freshPostgres('18');

/** What the source does while it is scanned, and what the replica shows `LAG` after that and before. */
interface Script {
  readonly during: string;
  readonly before: readonly Row[];
  readonly undo: string;
  readonly after: readonly Row[];
}

function scripted({ during, before, undo, after }: Script) {
  let undone = Number.POSITIVE_INFINITY;
  const shown = () => (Date.now() < undone + LAG ? before : after);
  const store: Store = {
    product: 'script',
    limits: { notes: [], fetchKeys: 100, applyChanges: 100 },
    inspect: async () => ({
      estimatedRows: 1,
      keyIsUnique: true,
      timestampPrecision: new Map(),
      hashable: true,
      notes: [],
      problems: [],
      writeProblems: [],
    }),
    async *scan() {
      await sql(url, during);
      yield shown();
      // As a scan that takes longer than the replica may lag.
      await sleep(MAX_LAG + LAG);
      await sql(url, undo);
      undone = Date.now();
    },
    fetch: async (_, keys) =>
      shown()
        .filter((row) => keys.some((key) => key[0] === row.key[0]))
        .map((row) => ({ ...row, token: undefined })),
    apply: async () => [],
    close: async () => {},
  };
  return defineStore({
    kind: 'script',
    place: 'table',
    options: z.strictObject({}),
    replicaOptions: z.strictObject({}),
    connect: async () => store,
  });
}

beforeEach(() => sql(url, 'drop table if exists things; create table things (id int primary key, v int)'));

async function found(script: Script): Promise<readonly string[]> {
  const text = `
source: { url: "\${SOURCE}" }
stores: { copy: { kind: script, url: "script://here" } }
entities: { things: { table: things, replicas: [{ store: copy, maxLag: ${MAX_LAG}ms }] } }`;
  const kinds = [scripted(script)];
  const config = parseConfig(text, '/nowhere/plumbline.yaml', { SOURCE: url }, kinds);
  const report = await check(config, { keep: false, kinds });
  return report.replicas.flatMap(({ findings }) => findings.map((finding) => `${finding.class} ${finding.key.id}`));
}

test('a row that was made and removed again is no orphan', async () => {
  expect(
    await found({
      during: 'insert into things values (9, 1)',
      before: [{ key: ['9'], values: ['1'] }],
      undo: 'delete from things where id = 9',
      after: [],
    }),
  ).toEqual([]);
});

test('a count that went up and down again is not mismatched', async () => {
  await sql(url, 'insert into things values (1, 3)');
  expect(
    await found({
      during: 'update things set v = 4 where id = 1',
      before: [{ key: ['1'], values: ['4'] }],
      undo: 'update things set v = 3 where id = 1',
      after: [{ key: ['1'], values: ['3'] }],
    }),
  ).toEqual([]);
});
