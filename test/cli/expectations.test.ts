// The demo's judge: it must not be easily pleased.

import { expect, test } from 'vitest';
import { type ExpectedFinding, judge, lookedUp, onlyThose, recordOf } from '../../cli/demo/expectations.ts';
import type { Finding, FindingClass } from '../../src/report/report.ts';

const replica = 'docs.incidents';
type Expected = Omit<ExpectedFinding, 'replica' | 'key'>;

function planted(name: string, key: Record<string, string>, expected: Expected) {
  return { name, findings: [{ ...expected, replica, key }] };
}

function finding(name: FindingClass, key: Record<string, string>, ...fields: string[]): Finding {
  const seenAt = '2026-01-01T00:00:00.000Z';
  return {
    replica,
    entity: 'incidents',
    class: name,
    key,
    fields: fields.map((field) => ({ name: field, target: field })),
    seenAt,
    provenAt: seenAt,
  };
}

const key = { id: '1', seq: '2' };
const stale = planted('stale', key, { class: 'stale', fields: ['title', 'at'] });

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
  ['another class', [finding('mismatched', key, 'at', 'title')]],
  ['a field too few', [finding('stale', key, 'at')]],
  ['a field too many', [finding('stale', key, 'at', 'title', 'id')]],
  ['found twice', [finding('stale', key, 'at', 'title'), finding('stale', key, 'at', 'title')]],
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

test('a look-alike that is found was accused', () => {
  const judgement = judge([{ name: 'x', findings: [], innocent: { replica, key } }], [finding('mismatched', key, 'a')]);
  expect(judgement.accused).toHaveLength(1);
  expect(judgement.unplanted).toEqual([]);
});

test('a damage of two records is right when both are found', () => {
  const other = { id: '9' };
  const missing = { class: 'missing', replica, key: other } as const;
  const both = { ...stale, findings: [...stale.findings, missing] };
  const found = finding('stale', key, 'title', 'at');
  expect(judge([both], [found, finding('missing', other)])).toMatchObject({ right: 1, wrong: [] });
  expect(judge([both], [found])).toMatchObject({ right: 0, wrong: ['stale: not found, expected missing'] });
});

test('what is left of the damages, and what a look-up finds of them', () => {
  const moved = planted('moved', { id: '3' }, { class: 'stale', fields: ['guest'], looked: 'missing' });
  const beside = planted('beside', { id: '4' }, { class: 'duplicate', looked: 'nothing' });
  const elsewhere = planted('elsewhere', { id: '5' }, { class: 'orphan' });
  const all = [stale, moved, beside, elsewhere];
  const records = new Set([stale, moved, beside].flatMap(({ findings }) => findings.map(recordOf)));
  expect(lookedUp(all, records)).toEqual([stale, planted('moved', { id: '3' }, { class: 'missing' })]);
  expect(onlyThose(all, (each) => each.class === 'orphan')).toEqual([elsewhere]);
});
