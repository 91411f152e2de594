// The demo's judge: it must not be easily pleased.

import { expect, test } from 'vitest';
import { judge, type PlantedDamage } from '../../cli/demo/expectations.ts';
import type { Damage } from '../../fixtures/georiesgo/damages.ts';
import type { Finding, FindingClass } from '../../src/report/report.ts';

function planted(name: string, expected: Damage['expect'], key: Record<string, string>): PlantedDamage {
  const replica = 'docs.incidents';
  const plant = async () => ({ replica, key });
  const harmless = expected === 'nothing';
  return {
    damage: { name, about: '', store: 'docs', table: 'incidents', replica, expect: expected, harmless, plant },
    planted: { replica, key },
  };
}

function finding(name: FindingClass, key: Record<string, string>, ...fields: string[]): Finding {
  const seenAt = '2026-01-01T00:00:00.000Z';
  return {
    replica: 'docs.incidents',
    entity: 'incidents',
    class: name,
    key,
    fields: fields.map((field) => ({ name: field, target: field })),
    seenAt,
    provenAt: seenAt,
  };
}

const stale = planted('stale', { class: 'stale', fields: ['title', 'at'] }, { id: '1', seq: '2' });

test('class, fields and key in any order', () => {
  expect(judge([stale], [finding('stale', { seq: '2', id: '1' }, 'at', 'title')])).toEqual({
    right: 1,
    wrong: [],
    accused: [],
    unplanted: [],
  });
});

test.each([
  ['not found', []],
  ['another class', [finding('mismatched', stale.planted.key, 'at', 'title')]],
  ['a field too few', [finding('stale', stale.planted.key, 'at')]],
  ['a field too many', [finding('stale', stale.planted.key, 'at', 'title', 'id')]],
  [
    'found twice',
    [finding('stale', stale.planted.key, 'at', 'title'), finding('stale', stale.planted.key, 'at', 'title')],
  ],
])('%s is wrong', (_, findings) => {
  const judgement = judge([stale], findings);
  expect(judgement.right).toBe(0);
  expect(judgement.wrong).toHaveLength(1);
});

test('another key is wrong and unplanted', () => {
  const judgement = judge([stale], [finding('stale', { id: '1', seq: '3' }, 'at', 'title')]);
  expect(judgement.wrong).toHaveLength(1);
  expect(judgement.unplanted).toHaveLength(1);
});

test.each(['nothing', 'in flight'] as const)('what is expected to be %s and is found was accused', (expected) => {
  const judgement = judge([planted('x', expected, { id: '1' })], [finding('mismatched', { id: '1' }, 'a')]);
  expect(judgement.accused).toHaveLength(1);
});
