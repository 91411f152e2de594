// Which records a job or an event is about: every way to say it, and every way to get it wrong.

import { describe, expect, test } from 'vitest';
import { type KeyOf, nameRecords } from '../../src/backlog/name-records.ts';
import type { NamedEntity, NamingConfig } from '../../src/config/config.ts';
import type { Field } from '../../src/mapping/mapping.ts';
import { parseJson } from '../../src/value/json.ts';

const field = (name: string, type: Field['type']): Field => ({ name, target: name, type, nullable: false });
const text = { kind: 'text' } as const;
const KEYS: Readonly<Record<string, readonly Field[] | null>> = {
  incidents: [field('id', text)],
  numbers: [field('id', { kind: 'integer', bits: 64 })],
  small: [field('id', { kind: 'integer', bits: 32 })],
  pairs: [field('tenant', text), field('number', { kind: 'integer', bits: 32 })],
  uuids: [field('id', { kind: 'uuid' })],
  elsewhere: null,
};
const keyOf: KeyOf = (entity) => KEYS[entity];

function name(
  content: object | string,
  more: Partial<NamingConfig> = {},
  words: Record<string, readonly NamedEntity[]> = {},
) {
  const naming = { entity: ['type'], key: [['id']], entities: new Map(Object.entries(words)), ...more };
  const json = typeof content === 'string' ? content : JSON.stringify(content);
  return nameRecords({ id: '1', content: parseJson(json) }, naming, keyOf);
}

const record = (entity: string, ...key: readonly string[]) => ({ records: [{ entity, key }] });

describe('a record is named', () => {
  test('by an entity’s own name, or by a word for it', () => {
    expect(name({ type: 'incidents', id: 'inc_1' })).toEqual(record('incidents', 'inc_1'));
    expect(name({ type: 'Incident', id: 'inc_1' }, {}, { Incident: [{ entity: 'incidents' }] })).toEqual(
      record('incidents', 'inc_1'),
    );
  });

  test('however deep, in lists too, and in JSON that stands in a text', () => {
    const deep = { entity: ['data', 'meta', 'type'], key: [['data', 'rows', '1', 'id']] };
    const data = { meta: { type: 'incidents' }, rows: [{ id: 'a' }, { id: 'b' }] };
    expect(name({ data }, deep)).toEqual(record('incidents', 'b'));
    expect(name({ data: JSON.stringify(data) }, deep)).toEqual(record('incidents', 'b'));
  });

  test('by numbers of any length, as they stand', () => {
    expect(name('{"type": "numbers", "id": 9007199254740993}')).toEqual(record('numbers', '9007199254740993'));
    expect(name({ type: 'numbers', id: '007' })).toEqual(record('numbers', '7'));
    expect(name({ type: 'incidents', id: 12 })).toEqual(record('incidents', '12'));
    expect(name({ type: 'uuids', id: 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11' })).toEqual(
      record('uuids', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
    );
  });

  test('by a key of several columns: a path each, or a list', () => {
    const each = { key: [['t'], ['n']] };
    expect(name({ type: 'pairs', t: 'acme', n: 4 }, each)).toEqual(record('pairs', 'acme', '4'));
    expect(name({ type: 'pairs', id: ['acme', 4] })).toEqual(record('pairs', 'acme', '4'));
    expect(name({ type: 'pairs', id: '["acme", 4]' })).toEqual(record('pairs', 'acme', '4'));
  });

  test('several at once, each by a key of its own', () => {
    const both = { visit: [{ entity: 'incidents' }, { entity: 'pairs', key: [['t'], ['n']] }] };
    expect(name({ type: 'visit', id: 'inc_1', t: 'acme', n: 4 }, {}, both)).toEqual({
      records: [
        { entity: 'incidents', key: ['inc_1'] },
        { entity: 'pairs', key: ['acme', '4'] },
      ],
    });
  });

  test('without its key where its entity was not chosen', () => {
    expect(name({ type: 'elsewhere' })).toEqual({ records: [{ entity: 'elsewhere' }] });
  });
});

test.each([
  [{ type: 'ghost', id: '1' }, 'type "ghost" names no entity of the config'],
  [{ id: '1' }, 'type is missing'],
  [{ type: null, id: '1' }, 'type is missing'],
  [{ type: { of: 'incidents' }, id: '1' }, 'type is no plain value'],
  [{ type: 'incidents' }, 'id is missing'],
  [{ type: 'incidents', id: { of: 1 } }, 'id is no plain value'],
  [{ type: 'incidents', id: 'a\0b' }, 'id: a text with a zero byte'],
  [{ type: 'numbers', id: 'x' }, 'id: "x" is not a number'],
  [{ type: 'numbers', id: 1.5 }, 'id: 1.5 is no integer of 64 bits'],
  [{ type: 'small', id: 2 ** 31 }, 'id: 2147483648 is no integer of 32 bits'],
  [{ type: 'numbers', id: '9223372036854775808' }, 'id: 9223372036854775808 is no integer of 64 bits'],
  [{ type: 'uuids', id: 'x' }, expect.stringMatching(/^id: "x" is not a UUID/)],
  [{ type: 'pairs', id: 'acme' }, 'id is no list of the key’s parts'],
  [{ type: 'pairs', id: ['acme'] }, 'it gives 1 of 2 parts of the key of pairs: tenant, number'],
  [{ type: 'pairs', id: ['acme', [4]] }, 'id is no list of the key’s parts'],
])('%o can’t be told', (content, reason) => {
  expect(name(content)).toEqual({ unread: reason });
});

test('the smallest and largest integers are keys', () => {
  expect(name({ type: 'small', id: -(2 ** 31) })).toEqual(record('small', '-2147483648'));
  expect(name({ type: 'numbers', id: '9223372036854775807' })).toEqual(record('numbers', '9223372036854775807'));
});
