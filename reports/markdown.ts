// Markdown for the step summary of a CI job: the verdict, the replicas, the first findings, the coverage.

import { driftOf, FINDING_CLASSES, type Report } from '../src/report/report.ts';
import { backlogParts, backlogTitle } from './backlog-text.ts';
import { coverageText } from './coverage.ts';
import { findingLine } from './finding-text.ts';
import { repairParts, repairReasons } from './repair-text.ts';
import { baselineLines, healedLines, toldText } from './sections.ts';
import { oneLine } from './text.ts';
import { troublesOf } from './troubles.ts';
import { nextSteps, standingOf, verdictMark, verdictText } from './verdict.ts';
import { duration, moment, number } from './words.ts';

const SHOWN = 5;
const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '|': '&#124;', '@': '&#64;' };

/** Plain words in Markdown: nothing in them starts a tag, a link, a mention, code, emphasis or a table cell. */
export function markdownText(text: string): string {
  return oneLine(text)
    .replace(/[\\`*_[\]~#!$]/g, '\\$&')
    .replace(/[&<>|@]/g, (character) => HTML[character]!);
}

export function* markdown(report: Report): Iterable<string> {
  yield `### ${verdictMark(report)} Plumbline ${report.command}: ${markdownText(verdictText(report))}\n`;
  yield `\n${facts(report)}\n`;
  const troubles = troublesOf(report);
  if (troubles.length > 0) yield '\n';
  for (const { text, hint, replicas } of troubles) {
    const stopped = replicas.length > 0 ? [`Unproven: ${replicas.join(', ')}.`] : [];
    yield `- ${[text, ...(hint ? [hint] : []), ...stopped].map(markdownText).join('<br>')}\n`;
  }
  if (report.replicas.length > 0) yield* replicaTable(report);
  yield* findings(report);
  yield* repairs(report);
  yield* backlogOf(report);
  const { compared, notCompared } = coverageText(report);
  yield '\n';
  for (const line of [...healedLines(report, 10_000), ...baselineLines(report, 10_000)])
    yield `- ${markdownText(line)}\n`;
  yield `- Compared: ${markdownText(compared.join('; '))}.\n`;
  if (notCompared.length > 0) yield `- Not compared: ${markdownText(notCompared.join('; '))}.\n`;
  const told = toldText(report);
  if (told !== undefined) yield `- ${markdownText(told)}\n`;
  const steps = nextSteps(report, 10_000);
  if (steps.length > 0) yield `\n${fenced(steps.map((step) => step.command))}`;
}

function facts(report: Report): string {
  const subject = report.subject ? [`${report.subject.entity} ${Object.values(report.subject.key).join(', ')}`] : [];
  const asOf = report.asOf === null ? [] : [`as of ${moment(report.asOf)}`];
  const words = [...subject, report.config, ...asOf, `run ${report.run}`, `took ${duration(report.seconds)}`];
  return `${markdownText(words.join(' · '))} · **exit ${report.exitCode}**`;
}

function* replicaTable(report: Report): Iterable<string> {
  const classes = FINDING_CLASSES.filter((name) => report.replicas.some((replica) => replica.counts[name] > 0));
  const rows = (count: number | null) => (count === null ? '–' : number(count));
  yield `\n| replica | state | source | replica rows |${classes.map((name) => ` ${name} |`).join('')}\n`;
  yield `| :-- | :-- | --: | --: |${' --: |'.repeat(classes.length)}\n`;
  for (const replica of report.replicas) {
    const { mark, word } = standingOf(replica);
    const counts = classes.map((name) => {
      const unseen = replica.error || replica.sourceRows === null || (name === 'orphan' && !replica.coverage.orphans);
      return replica.counts[name] === 0 && unseen ? '–' : number(replica.counts[name]);
    });
    const cells = [markdownText(replica.name), `${mark} ${word}`, rows(replica.sourceRows), rows(replica.replicaRows)];
    yield `| ${[...cells, ...counts].join(' | ')} |\n`;
  }
}

function* findings(report: Report): Iterable<string> {
  for (const replica of report.replicas) {
    const total = driftOf(replica.counts) + replica.counts.unread;
    if (total === 0) continue;
    const lines = replica.findings.slice(0, SHOWN).map(findingLine);
    if (total > lines.length) {
      const where = report.folder === null ? '' : ` in ${oneLine(report.folder)}/findings.ndjson`;
      lines.push(`… ${number(total - lines.length)} more${where}`);
    }
    yield `\n**${markdownText(replica.name)}** (replica → source)\n\n${fenced(lines)}`;
  }
}

function* repairs(report: Report): Iterable<string> {
  const replicas = report.replicas.filter((replica) => replica.repair);
  if (replicas.length === 0) return;
  const applied = replicas.some((replica) => replica.repair!.applied);
  yield `\n**Repair**${applied ? '' : ' (nothing was written)'}\n\n`;
  for (const replica of replicas) {
    yield `- ${markdownText(replica.name)}: ${markdownText(repairParts(replica.repair!).join(', '))}\n`;
  }
  for (const reason of repairReasons(replicas)) yield `- ${markdownText(reason)}\n`;
}

function* backlogOf({ backlog }: Report): Iterable<string> {
  if (backlog === undefined || backlog.read === 0) return;
  yield `\n**${markdownText(backlogTitle(backlog))}**\n`;
  const parts = backlogParts(backlog);
  if (parts.length > 0) yield '\n';
  for (const part of parts) yield `- ${markdownText(part)}\n`;
}

/** A fence longer than any run of backticks in it can't be closed from inside. */
function fenced(lines: readonly string[]): string {
  const longest = Math.max(0, ...lines.flatMap((line) => line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}text\n${lines.join('\n')}\n${fence}\n`;
}
