// The probe `mongodb`. The test servers have no replica set: what a server without one says is asked for real, and what the reply of a set
// means is decided here on replies in the manual's shape.

import { expect, test } from 'vitest';
import { judgeReplicaSet, membersOf } from '../../src/stores/mongodb/probe.ts';
import { freshMongo, freshPostgres } from '../databases.ts';
import { askHealth } from './ask-health.ts';

const LAG = { warn: 2000, fail: 10_000 };

test('a server without a replica set says so, and is no proof of health', async () => {
  const stores = { docs: { kind: 'mongodb', url: freshMongo() } };
  const probe = { kind: 'mongodb', server: 'docs' };
  const { probes, exitCode } = await askHealth({ source: await freshPostgres(), stores }, { set: probe });
  expect(probes[0]!.readings).toMatchObject([
    { status: 'unknown', message: 'a standalone server: it has no replica set' },
  ]);
  expect(exitCode).toBe(3);
});

/** As replSetGetStatus of MongoDB 8 puts it, without what is not looked at. */
const member = (name: string, stateStr: string, secondsBehind: number, health = 1) => ({
  name,
  health,
  stateStr,
  optime: { ts: 0n, t: 1n },
  optimeDate: new Date(Date.UTC(2026, 0, 1) - secondsBehind * 1000),
});
const judge = (...members: object[]) =>
  judgeReplicaSet('rs0', membersOf({ set: 'rs0', members }), LAG).map(({ subject, status, message }) => [
    subject,
    status,
    message,
  ]);

test('each secondary by its lag', () => {
  const members = [
    member('a:1', 'SECONDARY', 0.5),
    member('b:1', 'PRIMARY', 0),
    member('c:1', 'SECONDARY', 3),
    member('d:1', 'SECONDARY', 75),
    member('e:1', 'ARBITER', 9999),
  ];
  expect(judge(...members)).toEqual([
    [undefined, 'ok', 'replica set rs0: 5 of 5 members up, primary b:1'],
    ['a:1', 'ok', '500 ms behind'],
    ['c:1', 'warning', '3 s behind (warns at 2 s)'],
    ['d:1', 'failed', '1 min 15 s behind (fails at 10 s)'],
  ]);
  const readings = judgeReplicaSet('rs0', membersOf({ members }), LAG);
  expect(readings[0]!.metrics).toMatchObject([{ name: 'mongodb_members', value: 5 }, { value: 5 }]);
  expect(readings[3]!.metrics).toMatchObject([{ value: 75, labels: { member: 'd:1' } }]);
});

test('a member that is down or catching up has failed, whatever its last operation', () => {
  expect(
    judge(
      member('a:1', 'PRIMARY', 0),
      member('b:1', '(not reachable/healthy)', 0, 0),
      member('c:1', 'RECOVERING', 0),
      member('d:1', 'SECONDARY', -0.2),
    ),
  ).toEqual([
    [undefined, 'ok', 'replica set rs0: 3 of 4 members up, primary a:1'],
    ['b:1', 'failed', 'down ((not reachable/healthy))'],
    ['c:1', 'failed', 'no secondary: RECOVERING'],
    ['d:1', 'ok', '0 ms behind'],
  ]);
});

test('without a primary the set has failed, and no lag is known', () => {
  expect(judge(member('a:1', 'SECONDARY', 0), member('b:1', '(not reachable/healthy)', 0, 0))).toEqual([
    [undefined, 'failed', 'replica set rs0: 1 of 2 members up, no primary'],
    ['a:1', 'unknown', 'no primary to be measured against'],
    ['b:1', 'failed', 'down ((not reachable/healthy))'],
  ]);
});

test('of two that say primary the newer one is meant, and the other is named', () => {
  expect(judge(member('a:1', 'PRIMARY', 30), member('b:1', 'PRIMARY', 0), member('c:1', 'SECONDARY', 0))).toEqual([
    [undefined, 'ok', 'replica set rs0: 3 of 3 members up, primary b:1'],
    ['a:1', 'failed', 'no secondary: PRIMARY'],
    ['c:1', 'ok', '0 ms behind'],
  ]);
});
