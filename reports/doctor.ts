// What doctor found, for people and for programs: each subject with its checks, what to do about those that failed, and the count.

import type { Check, Diagnosis } from '../src/run/doctor.ts';
import type { Answer } from './answer.ts';
import { jsonText } from './json.ts';
import { atRight, displayWidth, NARROWEST, oneLine, padEnd, shortenMiddle, wrap } from './text.ts';
import { coloursOf, markPaint } from './theme.ts';
import type { Mark } from './verdict.ts';
import { listed, number, plural } from './words.ts';

const MARKS: Readonly<Record<Check['status'], Mark>> = { ok: '✔', warning: '!', failed: '✖' };
const LONGEST_SUBJECT = 28;

export function doctorAnswer(diagnosis: Diagnosis): Answer {
  const { checks, exitCode } = diagnosis;
  const worst = checks.some(({ status }) => status === 'failed') ? 'failed' : warned(checks) ? 'warning' : 'ok';
  return {
    render: {
      table: (width, colour) => doctorTable(diagnosis, width, colour),
      json: () => [`${jsonText(diagnosis, 2)}\n`],
    },
    mark: MARKS[worst],
    sentence: sentenceOf(checks),
    exitCode,
  };
}

export function* doctorTable(diagnosis: Diagnosis, columns: number, colour: boolean): Iterable<string> {
  const width = Math.max(NARROWEST, columns);
  const colours = coloursOf(colour);
  const answer = doctorAnswer(diagnosis);
  yield `${colours.bold(markPaint(colours, answer.mark)(`${answer.mark} ${answer.sentence}`))}\n`;
  yield `${colours.dim(`  ${shortenMiddle(oneLine(diagnosis.config), width - 2)}`)}\n\n`;

  const subjects = diagnosis.checks.map(({ subject }) => shortenMiddle(oneLine(subject), LONGEST_SUBJECT));
  const subjectWidth = Math.max(0, ...subjects.map(displayWidth));
  const start = 4 + subjectWidth + 2;
  for (const [at, { status, subject, message, hint }] of diagnosis.checks.entries()) {
    const again = at > 0 && diagnosis.checks[at - 1]!.subject === subject;
    const name = padEnd(again ? '' : subjects[at]!, subjectWidth);
    const [first, ...rest] = [message, ...(hint === undefined ? [] : [hint])].flatMap((text) =>
      wrap(oneLine(withoutSubject(text, subject)), width - start),
    );
    // What else is to be known of a subject that is fine is no news of its own.
    const mark = again && status === 'ok' ? ' ' : markPaint(colours, MARKS[status])(MARKS[status]);
    yield `  ${mark} ${name}  ${first}\n`;
    for (const line of rest) yield `${' '.repeat(start)}${line}\n`;
  }

  const counts = countsOf(diagnosis.checks);
  yield `\n${atRight(counts, `exit ${diagnosis.exitCode}`, width)}\n`;
}

function sentenceOf(checks: readonly Check[]): string {
  const failed = new Set(checks.filter(({ status }) => status === 'failed').map(({ subject }) => subject));
  if (failed.size > 0) {
    const names = [...failed].slice(0, 3).map((name) => shortenMiddle(oneLine(name), LONGEST_SUBJECT));
    const more = failed.size > 3 ? [`${failed.size - 3} more`] : [];
    return `Can’t be used as it is: ${listed([...names, ...more])}.`;
  }
  return warned(checks) ? 'Everything can be compared, with warnings.' : 'Everything can be compared and repaired.';
}

function warned(checks: readonly Check[]): boolean {
  return checks.some(({ status }) => status === 'warning');
}

function countsOf(checks: readonly Check[]): string {
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  const parts = [
    `${number(count('failed'))} failed`,
    plural(count('warning'), 'warning'),
    `${number(count('ok'))} fine`,
  ];
  return `${parts.filter((part) => !part.startsWith('0 ')).join(', ')}.`;
}

/** A store's own message starts with its name, which stands to the left already. */
function withoutSubject(text: string, subject: string): string {
  return text.startsWith(`${subject}: `) ? text.slice(subject.length + 2) : text;
}
