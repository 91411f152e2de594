// The contingency section: its defaults, and everything that can be said wrong in it.

import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../src/index.ts';

const read = (contingency: object) =>
  parseConfig(
    JSON.stringify({
      source: { url: 'postgres://app@db/shop' },
      stores: { docs: { kind: 'mongodb', url: 'mongodb://db/shop' }, graph: { kind: 'neo4j', url: 'bolt://db' } },
      entities: {
        orders: { table: 'orders', replicas: [{ store: 'docs' }] },
        totals: { sql: 'select 1 as id', key: 'id', replicas: [{ store: 'docs' }] },
      },
      contingency,
    }),
    '/etc/plumbline/plumbline.yaml',
    {},
  ).contingency!;

test('every default is filled in', () => {
  expect(read({ database: 'shop', stores: { taken: { store: 'docs' }, file: { files: 'out' } } })).toEqual({
    database: 'shop',
    system: undefined,
    writerUrl: undefined,
    entities: new Map(),
    leave: [],
    operations: new Map([
      ['insert', 'insert'],
      ['create', 'insert'],
      ['update', 'update'],
      ['delete', 'delete'],
      ['remove', 'delete'],
    ]),
    conflicts: 'newest',
    conflictsOf: new Map(),
    tries: [0, 300_000, 1_800_000, 3_600_000],
    interval: 30_000,
    stores: [
      expect.objectContaining({
        name: 'taken',
        store: 'docs',
        target: 'taken',
        data: ['data'],
        entity: ['entityType'],
        operation: ['operation'],
        timestamp: ['timestamp'],
        spelledAs: 'docs',
      }),
      expect.objectContaining({ name: 'file', store: undefined, target: '/etc/plumbline/out', spelledAs: undefined }),
    ],
  });
});

describe('says what is wrong', () => {
  const stores = { taken: { store: 'docs' } };
  test.each([
    [{ database: 'shop', stores: { a: {} } }, /contingency.stores.a: names neither a store nor files/],
    [{ database: 'shop', stores: { a: { store: 'docs', files: 'x' } } }, /names files and a store/],
    [{ database: 'shop', stores: { a: { store: 'dosc' } } }, /no store is named "dosc"; did you mean "docs"/],
    [{ database: 'shop', stores: { a: { store: 'graph' } } }, /a store of kind neo4j keeps no writes for the source/],
    [{ database: 'shop', stores: { a: { store: 'docs', marc: 'x' } } }, /marc: unknown key; did you mean "mark"/],
    [{ database: 'shop', stores: { a: { files: 'x', after: 'mark' } } }, /after: must be one of archive, delete/],
    [{ database: 'shop', stores, entities: { o: 'order' } }, /no entity with a table is named "order"/],
    [{ database: 'shop', stores, conflicts: { totals: 'newest' } }, /no entity with a table is named "totals"/],
    [{ database: 'shop', stores, conflicts: 'oldest' }, /conflicts: is no rule; write newest, source/],
    [{ database: 'shop', stores, tries: ['5m'] }, /tries: must begin with 0 and ascend/],
    [{ database: 'shop', stores, system: 'x' }, /is no system identifier/],
    [{ stores }, /contingency.database: missing/],
    [{ database: 'shop', stores, writerUrl: 'mongodb://db/shop' }, /is no PostgreSQL URL/],
    [{ database: 'shop', stores, writerUrl: 'postgres://app:geheim@db/shop' }, /a secret stands in the file/],
  ])('%j', (contingency, message) => {
    try {
      read(contingency);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toContain('geheim');
    }
  });
});
