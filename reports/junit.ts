// JUnit XML as CI systems read it: a suite with one test case a replica. Drift fails; what is unproven is an error, never skipped.

import { driftOf, type ReplicaReport, type Report, remainingDrift } from '../src/report/report.ts';
import { isUnproven } from '../src/report/verdict.ts';
import { coverageText } from './coverage.ts';
import { findingLine } from './finding-text.ts';
import { repairParts } from './repair-text.ts';
import { oneLine } from './text.ts';
import { troublesOf } from './troubles.ts';
import { countsText, verdictText } from './verdict.ts';
import { number, plural } from './words.ts';

// https://www.w3.org/TR/xml/#charsets
const FORBIDDEN = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const SPECIAL: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

function attribute(text: string): string {
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"\t\n\r]/g, (character) => SPECIAL[character]!);
}

function body(text: string): string {
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>\r]/g, (character) => SPECIAL[character]!);
}

interface Outcome {
  readonly kind: 'failure' | 'error' | 'system-out';
  readonly type: string;
  readonly message: string;
  readonly details: readonly string[];
}

interface Suite {
  readonly name: string;
  readonly case: string;
  readonly className: string;
  readonly seconds: number;
  readonly outcome: Outcome;
}

export function* junit(report: Report): Iterable<string> {
  const suites = report.replicas.map((replica) => replicaSuite(report, replica));
  const run = runSuite(report, suites);
  if (run) suites.push(run);
  const stamp = attribute(report.startedAt.replace(/\.\d+/, '').replace(/Z$/, ''));
  yield '<?xml version="1.0" encoding="UTF-8"?>\n';
  yield `<testsuites name="plumbline ${report.command}" ${totals(suites)} time="${report.seconds.toFixed(3)}">\n`;
  for (const suite of suites) {
    const time = `time="${suite.seconds.toFixed(3)}"`;
    yield `  <testsuite name="${attribute(suite.name)}" ${totals([suite])} skipped="0" ${time} timestamp="${stamp}">\n`;
    yield `    <testcase name="${attribute(suite.case)}" classname="${attribute(suite.className)}" ${time}>\n`;
    yield outcomeText(suite.outcome);
    yield '    </testcase>\n  </testsuite>\n';
  }
  yield '</testsuites>\n';
}

function totals(suites: readonly Suite[]): string {
  const count = (kind: Outcome['kind']) => suites.filter((suite) => suite.outcome.kind === kind).length;
  return `tests="${suites.length}" failures="${count('failure')}" errors="${count('error')}"`;
}

function outcomeText({ kind, type, message, details }: Outcome): string {
  const text = body(details.join('\n'));
  if (kind === 'system-out') return `      <system-out>${text}</system-out>\n`;
  return `      <${kind} type="${attribute(type)}" message="${attribute(message)}">${text}</${kind}>\n`;
}

function replicaSuite(report: Report, replica: ReplicaReport): Suite {
  return {
    name: replica.name,
    case: `${replica.entity} in ${replica.name} is true`,
    className: `plumbline.${replica.store}`,
    seconds: replica.seconds,
    outcome: replicaOutcome(report, replica),
  };
}

function replicaOutcome(report: Report, replica: ReplicaReport): Outcome {
  const found = driftOf(replica.counts) + replica.counts.unread;
  const details = replica.findings.map(findingLine);
  if (found > details.length) {
    details.push(
      `… ${number(found - details.length)} more${report.folder === null ? '' : ` in ${report.folder}/findings.ndjson`}`,
    );
  }
  if (replica.error) details.push(...[replica.error.message, replica.error.hint ?? ''].map(oneLine).filter(Boolean));
  if (replica.coverage.skipped.length > 0) details.push(`skipped: ${oneLine(replica.coverage.skipped.join(', '))}`);
  if (replica.repair) details.push(`repair: ${repairParts(replica.repair).join(', ')}`);
  if (remainingDrift(replica) > 0) {
    const message = `${plural(remainingDrift(replica), 'drifted record')}: ${countsText(replica.counts)}`;
    return { kind: 'failure', type: 'drift', message: isUnproven(replica) ? `${message}; unproven` : message, details };
  }
  if (isUnproven(replica)) {
    const why =
      (replica.error && oneLine(replica.error.message)) ?? (countsText(replica.counts) || 'not all was compared');
    return { kind: 'error', type: 'unproven', message: `unproven: ${why}`, details };
  }
  const { compared, notCompared } = coverageText({ ...report, replicas: [replica] });
  details.push(`Compared: ${compared.join('; ')}.`);
  if (notCompared.length > 0) details.push(`Not compared: ${notCompared.join('; ')}.`);
  return { kind: 'system-out', type: '', message: '', details };
}

/** A run that ends badly must look bad, also where no replica's own case says so. */
function runSuite(report: Report, suites: readonly Suite[]): Suite | undefined {
  const troubles = troublesOf(report).filter((trouble) => trouble.replicas.length === 0);
  const told = suites.some((suite) => suite.outcome.kind !== 'system-out');
  if (report.exitCode === 0 || (troubles.length === 0 && told)) return undefined;
  const details = troubles.flatMap(({ text, hint }) => [text, ...(hint ? [hint] : [])]);
  const outcome: Outcome = { kind: 'error', type: report.verdict, message: verdictText(report), details };
  return { name: 'run', case: `exit ${report.exitCode}`, className: 'plumbline', seconds: report.seconds, outcome };
}
