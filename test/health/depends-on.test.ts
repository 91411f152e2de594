// One fault is one failure: a probe that depends on another only warns while that one fails.

import { beforeAll, expect, test } from 'vitest';
import { health, parseConfig } from '../../src/index.ts';
import { freshPostgres } from '../databases.ts';

let source: string;

beforeAll(async () => {
  source = await freshPostgres();
});

function read(probes: Record<string, object>) {
  const file = {
    source: { url: '$' + '{SOURCE}' },
    stores: {},
    entities: { things: { table: 'things', touches: {} } },
    health: { probes },
  };
  return parseConfig(JSON.stringify(file), 'plumbline.yaml', { SOURCE: source });
}

const fine = { kind: 'query', server: 'source', query: 'select 0', warn: '> 0' };
const bad = { ...fine, query: 'select 1', fail: '> 0' };

test('what follows from a failure is a warning that names it, without a hint of its own', async () => {
  const follower = { ...bad, dependsOn: ['other', 'cause'], hint: 'look here' };
  const { probes, exitCode } = await health(read({ follower, cause: bad, other: fine }));
  expect(probes[0]).toMatchObject({ status: 'warning', readings: [{ status: 'warning' }] });
  expect(probes[0]!.readings[0]!.message).toBe('1 (fails at > 0) (while cause fails)');
  expect(probes[0]!.readings[0]!.hint).toBeUndefined();
  expect(probes[1]!.status).toBe('failed');
  expect(exitCode).toBe(1);
});

test.each([
  ['ok', fine],
  ['only warning', { ...fine, query: 'select 1' }],
  ['unknown', { ...fine, query: 'select null' }],
])('a cause that is %s explains nothing', async (_, cause) => {
  const { probes } = await health(read({ follower: { ...bad, dependsOn: ['cause'] }, cause }));
  expect(probes[0]!.status).toBe('failed');
});

test('a chain has one failure at its end, and no circle is accepted', async () => {
  const chain = { a: { ...bad, dependsOn: ['b'] }, b: { ...bad, dependsOn: ['c'] }, c: bad };
  expect((await health(read(chain))).probes.map(({ status }) => status)).toEqual(['warning', 'warning', 'failed']);
  expect(() => read({ ...chain, c: { ...bad, dependsOn: ['a'] } })).toThrow('leads in a circle back to this probe');
  expect(() => read({ a: { ...bad, dependsOn: ['a'] } })).toThrow('leads in a circle back to this probe');
  expect(() => read({ a: { ...bad, dependsOn: ['bb'] }, b: bad })).toThrow('no probe is named "bb"');
});
