// The parts that both layouts for people share: facts, problems, repair, coverage, and the closing line.

import { FINDING_CLASSES, noCounts, type Report } from '../src/report/report.ts';
import { isUnproven } from '../src/report/verdict.ts';
import { backlogParts, backlogTitle } from './backlog-text.ts';
import { inColumns } from './columns.ts';
import { coverageText } from './coverage.ts';
import { repairParts, repairReasons } from './repair-text.ts';
import { displayWidth, flow, oneLine, shortenMiddle, wrap } from './text.ts';
import { type Colours, markPaint } from './theme.ts';
import { troublesOf } from './troubles.ts';
import { countsText, nextSteps, sum, verdictMark, verdictText } from './verdict.ts';
import { duration, keyWords, listed, moment, number, plural } from './words.ts';

const MOST_NAMES = 3;

export function factsLines(report: Report, width: number, colours: Colours): string[] {
  const facts = [
    ...(report.asOf === null ? [] : [`as of ${moment(report.asOf)}`]),
    oneLine(report.config),
    `run ${oneLine(report.run)}`,
  ];
  const lines = flow(
    facts.map((fact) => fact.split(' ')),
    width - 2,
    ' · ',
  );
  return lines.map((line) => colours.dim(`  ${line}`));
}

export function problemLines(report: Report, width: number, colours: Colours): string[] {
  const mark = report.exitCode === 4 ? '!' : '✖';
  const lines = troublesOf(report).flatMap((trouble) => {
    const elsewhere = trouble.replicas.some((name) => name !== trouble.where);
    const names = trouble.replicas.map((name) => shortenMiddle(name, 48)).join(', ');
    const rest = [...(trouble.hint ? [trouble.hint] : []), ...(elsewhere ? [`Unproven: ${names}`] : [])];
    const [first, ...more] = wrap(trouble.text, width - 4);
    return [
      `  ${markPaint(colours, mark)(mark)} ${first}`,
      ...[...more, ...rest.flatMap((sentence) => wrap(sentence, width - 4))].map((line) => `    ${line}`),
    ];
  });
  const silent = report.replicas.filter((replica) => isUnproven(replica) && !replica.error);
  for (const replica of silent) {
    const why = [
      ...(replica.counts.unread > 0 ? [`${plural(replica.counts.unread, 'record')} could not be read`] : []),
      ...replica.coverage.skipped.map((field) => `${oneLine(field)} was skipped`),
    ];
    const text = `${shortenMiddle(oneLine(replica.name), 48)}: unproven, ${why.join(', ') || 'not all was compared'}`;
    const [first, ...more] = wrap(text, width - 4);
    lines.push(`  ${markPaint(colours, '?')('?')} ${first}`, ...more.map((line) => `    ${line}`));
  }
  return lines;
}

export function repairLines(report: Report, width: number, colours: Colours): string[] {
  const replicas = report.replicas.filter((replica) => replica.repair);
  if (replicas.length === 0) return [];
  const applied = replicas.some((replica) => replica.repair!.applied);
  const title = applied
    ? 'Repair'
    : report.exitCode === 4
      ? 'Repair, refused: nothing was written'
      : 'Repair, dry run: nothing was written';
  const names = replicas.map((replica) => shortenMiddle(oneLine(replica.name), Math.floor(width / 2.5)));
  const nameWidth = Math.max(...names.map(displayWidth));
  const rows = replicas.flatMap((replica, at) => {
    const parts = repairParts(replica.repair!).map((part) => part.split(' '));
    return flow(parts, width - nameWidth - 4, ', ').map((text, line) => [
      { text: line === 0 ? names[at]! : '' },
      { text },
    ]);
  });
  const reasons = repairReasons(replicas).flatMap((reason) => wrap(reason, width - 4));
  return [colours.bold(title), ...inColumns(rows, '  '), ...reasons.map((line) => `    ${line}`)];
}

export function backlogLines({ backlog }: Report, width: number, colours: Colours): string[] {
  if (backlog === undefined || backlog.read === 0) return [];
  const parts = backlogParts(backlog).flatMap((part) => {
    const [first, ...more] = wrap(part, width - 4);
    return [`  ${first}`, ...more.map((line) => `    ${line}`)];
  });
  return [...wrap(backlogTitle(backlog), width).map((line) => colours.bold(line)), ...parts];
}

export function healedLines(report: Report, width: number): string[] {
  const count = sum(report, (replica) => replica.inFlight.count);
  if (count === 0) return [];
  const lag = Math.max(...report.replicas.map((replica) => replica.inFlight.longestLag));
  return wrap(
    `In flight: ${plural(count, 'difference')} healed while we looked (longest lag ${duration(lag / 1000)}).`,
    width,
  );
}

/** What the baseline of known drift says: what was let through, what is no longer needed in it. */
export function baselineLines({ baseline, replicas }: Report, width: number): string[] {
  if (baseline === undefined) return [];
  const { file, updated, entries, resolved, expired, resolvedEntries } = baseline;
  const known = replicas.reduce((total, replica) => total + (replica.known ?? 0), 0);
  const parts = [
    `${number(known)} known`,
    ...(expired > 0 ? [`${number(expired)} past their day, so they count again`] : []),
    ...(resolved > 0 ? [`${number(resolved)} resolved`] : []),
  ];
  const said = updated ? 'written anew' : `of ${plural(entries, 'entry', 'entries')}`;
  const gone = resolvedEntries
    .slice(0, 3)
    .map(({ replica, key }) => `${oneLine(replica)} ${shortenMiddle(keyWords(key), 40)}`);
  const which = gone.length === 0 ? '' : ` (${gone.join('; ')}${resolved > gone.length ? '; …' : ''})`;
  return hanging(`Baseline ${oneLine(file)}, ${said}: ${parts.join(', ')}${which}.`, width);
}

export function coverageLines(report: Report, width: number): string[] {
  const { compared, notCompared } = coverageText(report);
  return [
    ...hanging(`Compared in ${duration(report.seconds)}: ${compared.join('; ')}.`, width),
    ...(notCompared.length > 0 ? hanging(`Not compared: ${notCompared.join('; ')}.`, width) : []),
  ];
}

/** Who was told of it; who could not be is among the problems. */
export function toldText({ alerts = [] }: Report): string | undefined {
  const told = alerts.filter(({ outcome }) => outcome !== 'failed');
  if (told.length === 0) return undefined;
  const parts = told.map(({ alert, event, subjects }) => {
    const names = subjects.slice(0, MOST_NAMES).map((name) => shortenMiddle(oneLine(name), 48));
    const more = subjects.length > MOST_NAMES ? [`${subjects.length - MOST_NAMES} more`] : [];
    return `${oneLine(alert)} of ${event} (${listed([...names, ...more])})`;
  });
  return `Told: ${parts.join('; ')}.`;
}

function hanging(text: string, width: number): string[] {
  return wrap(text, width - 2).map((line, at) => (at === 0 ? line : `  ${line}`));
}

export function toldLines(report: Report, width: number): string[] {
  const text = toldText(report);
  return text === undefined ? [] : hanging(text, width);
}

/** The verdict again, for who sees only the end of a long output; the exit code stands at the right of the last line. */
export function closingLines(report: Report, width: number, colours: Colours): string[] {
  const exit = `exit ${report.exitCode}`;
  const steps = nextSteps(report, width);
  const mark = verdictMark(report);
  const done = report.exitCode === 0 && steps.length === 0 ? ' Nothing to do.' : '';
  const counts = report.command === 'verify-sync' ? record(report) : verdictText(report);
  const lines = wrap(`${mark} ${counts}.${done}`, steps.length === 0 ? width - exit.length - 2 : width);
  const painted = lines.map((line) => colours.bold(markPaint(colours, mark)(line)));
  const labels = Math.max(0, ...steps.map((step) => step.label.length));
  painted.push(...steps.map((step) => `  ${`${step.label}:`.padEnd(labels + 1)} ${colours.cyan(step.command)}`));
  const last = steps.length === 0 ? displayWidth(lines.at(-1)!) : labels + 4 + displayWidth(steps.at(-1)!.command);
  const blanks = width - last - exit.length;
  if (blanks >= 2) painted.push(painted.pop() + ' '.repeat(blanks) + exit);
  else painted.push(exit.padStart(width));
  return painted;
}

function record(report: Report): string {
  const counts = noCounts();
  for (const replica of report.replicas) for (const name of FINDING_CLASSES) counts[name] += replica.counts[name];
  const words = [countsText(counts)].filter((text) => text !== '');
  const broken = report.replicas.filter((replica) => replica.error).length;
  if (broken > 0) words.push(`${broken} unproven`);
  return words.length > 0 ? words.join(', ') : verdictText(report);
}
