// What one key says wrongly about another: kinds, stores, entities, fields.

import { entity, good, replica, testCases, withStore } from './bad-config.ts';

testCases([
  {
    name: 'a kind that nobody knows',
    text: good.replace('kind: mongodb', 'kind: mongo'),
    says: [[4, 'stores.docs.kind', 'unknown kind "mongo"; did you mean "mongodb"?', 'Kinds known: mongodb, postgres.']],
  },
  {
    name: 'a store named source, and one with a dot',
    text: good.replace(
      'stores:\n',
      'stores:\n  source: { kind: postgres, url: postgres://a/b }\n  a.b: { kind: postgres, url: postgres://a/b }\n',
    ),
    says: [
      [3, 'stores.source', 'a store is named with letters, digits, - and _ (and not "source")'],
      [4, 'stores["a.b"]', 'a store is named with letters, digits, - and _ (and not "source")'],
    ],
  },
  {
    name: "a slip in the kind's own words and in the common ones",
    text: withStore('    kind: mongodb\n    url: mongodb://docs/shop\n    databse: shop\n'),
    says: [
      [
        7,
        'stores.docs.databse',
        'unknown key; did you mean "database"?',
        'Known here: kind, url, database, readPreference.',
      ],
    ],
  },
  {
    name: 'a common word with a slip, in a store',
    text: withStore('    kind: mongodb\n    ulr: mongodb://docs/shop\n'),
    says: [[6, 'stores.docs.ulr', 'unknown key; did you mean "url"?']],
  },
  {
    name: "another kind's word",
    text: good.replace('url: mongodb://docs/shop', 'url: mongodb://docs/shop, schema: x'),
    says: [[4, 'stores.docs.schema', 'unknown key', 'Known here: kind, url, database, readPreference.']],
  },
  {
    name: "what the kind's schema refuses, and what it would drop without a word",
    text: good.replace(
      'url: postgres://reader@copy/shop',
      'url: postgres://reader@copy/shop, pool: 0, tls: { mode: requir, ca: x }',
    ),
    says: [
      [3, 'stores.copy.pool', 'too small: expected number to be >=1'],
      [3, 'stores.copy.tls.mode', 'must be one of require, verify-full; did you mean "require"?'],
      [3, 'stores.copy.tls.ca', 'unknown key', 'Known here: mode, keyPassword.'],
    ],
  },
  {
    name: "a replica's own words",
    text: replica('        decimal: double\n        absentIsNull: 1\n'),
    says: [
      [
        10,
        'entities.orders.replicas[0].decimal',
        'unknown key; did you mean "decimals"?',
        'Known here: store, target,',
      ],
      [11, 'entities.orders.replicas[0].absentIsNull', 'must be true or false, not a number'],
    ],
  },
  {
    name: 'a store that is not there',
    text: good.replace('store: docs', 'store: dosc'),
    says: [
      [
        9,
        'entities.orders.replicas[0].store',
        'no store is named "dosc"; did you mean "docs"?',
        'Stores here: copy, docs.',
      ],
    ],
  },
  {
    name: 'a table and a query',
    text: entity('    sql: select 1\n    replicas: [{ store: docs }]\n'),
    says: [[8, 'entities.orders.sql', 'stands beside table', 'Keep one']],
  },
  {
    name: 'neither a table nor a query',
    text: good.replace('    table: orders\n', ''),
    says: [[6, 'entities.orders', 'neither table nor sql is given', 'Name the source table']],
  },
  {
    name: 'a query without a key',
    text: good.replace('table: orders', 'sql: select 1 as id'),
    says: [[6, 'entities.orders.key', 'missing', 'A query has no primary key']],
  },
  {
    name: 'a key that names a column twice',
    text: entity('    key: [id, id]\n    replicas: [{ store: docs }]\n'),
    says: [[8, 'entities.orders.key', 'names "id" twice']],
  },
  {
    name: 'the same place twice in one entity',
    text: entity('    replicas:\n      - store: docs\n      - store: docs\n        target: orders\n'),
    says: [[10, 'entities.orders.replicas[1]', 'is the same place as entities.orders.replicas[0]', 'another target']],
  },
  {
    name: 'two columns in one field, by word and by naming',
    text: replica(
      '        naming: camelCase\n        fields:\n          note: reportedBy\n          reported_by: { sensitive: true }\n',
    ),
    says: [
      [13, 'entities.orders.replicas[0].fields.reported_by', 'goes to "reportedBy", as "note" does', 'another field'],
    ],
  },
  {
    name: 'a field in the place of the key, told once for all replicas',
    text: entity('    key: id\n    fields:\n      number: id\n    replicas: [{ store: docs }, { store: copy }]\n'),
    says: [[10, 'entities.orders.fields.number', 'goes to "id", as "id" does']],
  },
  {
    name: 'a field both ignored and mapped',
    text: replica('        ignore: [notes]\n        fields: { notes: remarks, tax: { ignore: true, tolerance: 1 } }\n'),
    says: [
      [11, 'entities.orders.replicas[0].fields.notes', 'is both ignored and mapped', 'out of ignore'],
      [11, 'entities.orders.replicas[0].fields.tax', 'is both ignored and mapped'],
    ],
  },
  {
    name: 'a key that is ignored or has a tolerance',
    text: entity(
      '    key: [a, b]\n    fields: { a: { tolerance: 1 } }\n    replicas:\n      - store: docs\n        ignore: [b]\n',
    ),
    says: [
      [9, 'entities.orders.fields.a.tolerance', 'a key is equal or not; it has no tolerance'],
      [12, 'entities.orders.replicas[0].ignore', '"b" belongs to the key and can\'t be ignored'],
    ],
  },
]);
