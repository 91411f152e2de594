// What is wrong with the text, its keys and their types.

import { entity, good, head, replica, testCases } from './bad-config.ts';

testCases([
  { name: 'nothing is wrong', text: good, says: [] },
  {
    name: 'an empty file',
    text: '# nothing\n',
    says: [[undefined, '', 'the file is empty', 'docs/config.md']],
  },
  {
    name: 'a list instead of a mapping',
    text: '- source\n',
    says: [[1, '', 'must be a mapping, not a list']],
  },
  {
    name: 'YAML that does not end',
    text: `${head}entities: [\n`,
    says: [
      [6, '', 'not readable as YAML: flow sequence in block collection must be sufficiently indented and end with a ]'],
    ],
  },
  {
    name: 'a tab',
    text: 'source:\n\turl: x\n',
    says: [[2, '', 'not readable as YAML: tabs are not allowed as indentation']],
  },
  {
    name: 'an unquoted variable between braces',
    text: good.replace('postgres://reader@primary/shop', `\${PG_URL}`),
    says: [[1, '', `a \${…} between { } or [ ] stands in quotes`, `{ url: "\${URL}" }`]],
  },
  {
    name: 'a tag',
    text: good.replace('postgres://reader@primary/shop', '!!js/function "x"'),
    says: [[1, '', 'tags (!…) are not read', 'plain value']],
  },
  {
    name: 'two documents',
    text: `${good}---\n${good}`,
    says: [[10, '', 'a second document starts here (---)', 'One file']],
  },
  {
    name: 'a key that stands twice',
    text: entity('    where: a > 1\n    where: a > 2\n    replicas: [{ store: docs }]\n'),
    says: [[9, 'entities.orders.where', 'stands twice, first in line 8', 'Keep one']],
  },
  {
    name: 'an unknown key that resembles one: the missing one is not told as well',
    text: entity('    replica: [{ store: docs }]\n'),
    says: [[8, 'entities.orders.replica', 'unknown key; did you mean "replicas"?', 'Known here: table, sql,']],
  },
  {
    name: 'an unknown key that resembles none',
    text: `${good}owner: me\n`,
    says: [
      [
        10,
        'owner',
        'unknown key',
        'Known here: version, source, stores, entities, confirm, limits, health, journal, retention, queues, outbox, contingency, alerts, failback, folder.',
      ],
    ],
  },
  {
    name: 'missing parts',
    text: 'version: 1\nstores:\n  docs: { kind: mongodb }\n',
    says: [
      [1, 'source', 'missing', 'holds the truth'],
      [1, 'entities', 'missing', 'What is compared'],
      [3, 'stores.docs.url', 'missing', 'Where it is'],
    ],
  },
  {
    name: 'a part that is empty',
    text: good.replace(/stores:\n.*\n.*\n/, 'stores:\n'),
    says: [[2, 'stores', 'is empty', 'Give it a value']],
  },
  {
    name: 'wrong types',
    text: replica(
      '        naming: 3\n        onlyListed: perhaps\n        ignore: notes\n        fields: { a: 7, b: { to: [] } }\n',
    ),
    says: [
      [10, 'entities.orders.replicas[0].naming', 'must be one of asIs, camelCase, snake_case'],
      [11, 'entities.orders.replicas[0].onlyListed', 'must be true or false, not text'],
      [12, 'entities.orders.replicas[0].ignore', 'must be a list, not text'],
      [13, 'entities.orders.replicas[0].fields.a', 'must be text or a mapping, not a number'],
      [13, 'entities.orders.replicas[0].fields.b.to', 'must be text, not a list'],
    ],
  },
  {
    name: 'a naming with a slip',
    text: replica('        naming: snakecase\n'),
    says: [
      [
        10,
        'entities.orders.replicas[0].naming',
        'must be one of asIs, camelCase, snake_case; did you mean "snake_case"?',
      ],
    ],
  },
  {
    name: 'another format version',
    text: `version: 2\n${good}`,
    says: [[1, 'version', 'must be 1']],
  },
  {
    name: 'no entity',
    text: `${head}entities: {}\n`,
    says: [[5, 'entities', 'needs at least one entity']],
  },
  {
    name: 'an entity without replicas',
    text: entity('    replicas: []\n'),
    says: [[8, 'entities.orders.replicas', 'needs at least one replica']],
  },
  {
    name: 'a number that would lose digits',
    text: replica('        where: { id: 9007199254740993 }\n'),
    says: [[10, 'entities.orders.replicas[0].where.id', 'too large for a number', 'quotes']],
  },
  {
    name: 'an alias of nothing, and one that holds itself',
    text: replica('        where: { a: *nobody, b: &b [*b] }\n'),
    says: [
      [10, 'entities.orders.replicas[0].where.a', 'no &nobody stands before this alias'],
      [10, 'entities.orders.replicas[0].where.b[0]', 'the alias *b holds itself'],
    ],
  },
]);
