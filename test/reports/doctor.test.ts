// Doctor's answer: the worst first, every hint, within the width.

import { expect, test } from 'vitest';
import { doctorAnswer, doctorTable } from '../../reports/doctor.ts';
import { displayWidth } from '../../reports/text.ts';
import type { Check, Diagnosis } from '../../src/run/doctor.ts';

function diagnosis(...checks: Check[]): Diagnosis {
  const exitCode = checks.some(({ status }) => status === 'failed') ? 3 : 0;
  return { schema: 'plumbline.doctor/1', config: 'plumbline.yaml', checks, exitCode };
}

function table(of: Diagnosis, width = 80): string {
  return [...doctorTable(of, width, false)].join('');
}

const fine: Check = { subject: 'source', status: 'ok', message: 'connected, PostgreSQL 18.4' };
const clock: Check = { subject: 'source', status: 'ok', message: 'its clock is within 1 ms of this machine’s' };
const warning: Check = { subject: 'docs.incidents', status: 'warning', message: 'no index', hint: 'Create one.' };
const failed: Check = {
  subject: 'legacy',
  status: 'failed',
  message: 'legacy: connect: connection refused',
  hint: 'Is it running?',
};

test('all three, at 80 columns', () => {
  expect(table(diagnosis(fine, clock, warning, failed))).toBe(
    [
      '✖ Can’t be used as it is: legacy.',
      '  plumbline.yaml',
      '',
      '  ✔ source          connected, PostgreSQL 18.4',
      '                    its clock is within 1 ms of this machine’s',
      '  ! docs.incidents  no index',
      '                    Create one.',
      '  ✖ legacy          connect: connection refused',
      '                    Is it running?',
      '',
      `1 failed, 1 warning, 2 fine.${' '.repeat(46)}exit 3`,
      '',
    ].join('\n'),
  );
});

test('the first line and the mark follow the worst', () => {
  expect(doctorAnswer(diagnosis(fine))).toMatchObject({ mark: '✔', exitCode: 0 });
  expect(doctorAnswer(diagnosis(fine, warning))).toMatchObject({ mark: '!', exitCode: 0 });
  expect(doctorAnswer(diagnosis(failed, warning))).toMatchObject({ mark: '✖', exitCode: 3 });
  expect(table(diagnosis(fine))).toContain('✔ Everything can be compared and repaired.');
});

test('long and hostile texts stay within the width', () => {
  const check: Check = {
    subject: '漢'.repeat(60),
    status: 'failed',
    message: `a\u001b[2J${'x'.repeat(300)}\n${'y '.repeat(90)}`,
  };
  for (const width of [72, 80, 120]) {
    const text = table(diagnosis(check, check), width);
    expect(text).not.toContain('\u001b');
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(width);
  }
});

test('JSON is the diagnosis itself', () => {
  const of = diagnosis(fine, failed);
  expect(JSON.parse([...(doctorAnswer(of).render.json!(80, false) as Iterable<string>)].join(''))).toEqual(of);
});
