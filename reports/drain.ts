// What a drain did, for people and for programs: the answer, each store, entity and replica, the conflicts, and what was left and why.

import { EFFECTS } from '../src/contingency/apply-batch.ts';
import type { ConflictLine, DrainedEntity, DrainReport, LeftWrite } from '../src/contingency/drain-report.ts';
import type { RunProblem } from '../src/report/report.ts';
import type { Answer } from './answer.ts';
import { jsonText } from './json.ts';
import { markdownText } from './markdown.ts';
import { atRight, displayWidth, NARROWEST, oneLine, padEnd, shortenMiddle, wrap } from './text.ts';
import { type Colours, coloursOf, markPaint } from './theme.ts';
import type { Mark } from './verdict.ts';
import { duration, keyWords, listed, moment, number, plural, valuePair } from './words.ts';

const SHOWN = 5;
const LONGEST_NAME = 40;
const LONGEST_VALUE = 32;
const FIELDS_SHOWN = 4;

export function drainAnswer(report: DrainReport): Answer {
  return {
    render: {
      table: (width, colour) => drainTable(report, width, colour),
      json: () => [`${jsonText(report, 2)}\n`],
      markdown: () => drainMarkdown(report),
    },
    mark: markOf(report),
    sentence: sentenceOf(report),
    exitCode: report.exitCode,
  };
}

export function* drainTable(report: DrainReport, columns: number, colour: boolean): Iterable<string> {
  const width = Math.max(NARROWEST, columns);
  const colours = coloursOf(colour);
  const mark = markOf(report);
  for (const line of wrap(`${mark} ${sentenceOf(report)}`, width))
    yield `${colours.bold(markPaint(colours, mark)(line))}\n`;
  yield `${colours.dim(`  run ${oneLine(report.run)}${report.began === null ? '' : ` · outage since ${moment(report.began)}`} · ${duration(report.seconds)}`)}\n`;
  yield* section(
    'Waited in',
    report.stores.map((store) => [store.name, storeWords(store, report.applied)]),
    width,
    colours,
  );
  yield* section(
    'Source',
    report.entities.map((entity) => [entity.name, effectWords(entity, report.applied).join(', ')]),
    width,
    colours,
  );
  yield* section(
    'Replicas',
    report.replicas.map((replica) => [replica.name, replicaWords(replica)]),
    width,
    colours,
  );
  for (const { name, refused } of report.replicas)
    for (const error of refused)
      for (const line of wrap(oneLine(`${name} refused: ${error}`), width - 4)) yield `    ${line}\n`;
  yield* conflictLines(report, width, colours);
  yield* leftLines('Dead letters', report.dead, report.deadWrites, width, colours);
  yield* leftLines('Refused', report.failed, report.failedWrites, width, colours);
  yield* problemLines(report.problems, width, colours);
  for (const note of notesOf(report)) {
    yield '\n';
    for (const line of wrap(note, width - 2)) yield `  ${line}\n`;
  }
  const next = nextOf(report);
  yield `\n${atRight(next, `exit ${report.exitCode}`, width)}\n`;
}

function* drainMarkdown(report: DrainReport): Iterable<string> {
  yield `## ${markOf(report)} ${markdownText(sentenceOf(report))}\n\n`;
  yield `Run \`${report.run}\`, ${duration(report.seconds)}.\n\n`;
  yield* table(
    ['Waited in', 'Writes'],
    report.stores.map((store) => [store.name, storeWords(store, report.applied)]),
  );
  yield* table(
    ['Entity', 'Source'],
    report.entities.map((one) => [one.name, effectWords(one, report.applied).join(', ')]),
  );
  yield* table(
    ['Replica', 'Afterwards'],
    report.replicas.map((replica) => [replica.name, replicaWords(replica)]),
  );
  yield* table(
    ['Conflict', 'Winner', 'Differs'],
    report.conflicts.map((one) => [`${one.entity} ${keyWords(one.key)}`, winnerWords(one), fieldWords(one)]),
  );
  const left = [...report.dead, ...report.failed];
  yield* table(
    ['Not brought back', 'Why'],
    left.map((one) => [nameOfLeft(one), one.error]),
  );
  for (const { where, message, hint } of report.problems)
    yield `- ${markdownText(`${where}: ${message}${hint === undefined ? '' : ` ${hint}`}`)}\n`;
}

function* section(
  title: string,
  rows: readonly (readonly [string, string])[],
  width: number,
  colours: Colours,
): Iterable<string> {
  if (rows.length === 0) return;
  yield `\n${colours.bold(title)}\n`;
  const names = rows.map(([name]) => shortenMiddle(oneLine(name), LONGEST_NAME));
  const column = Math.max(...names.map(displayWidth));
  for (const [i, [, words]] of rows.entries()) {
    const lines = wrap(words, width - column - 4);
    for (const [at, line] of lines.entries()) yield `  ${padEnd(at === 0 ? names[i]! : '', column)}  ${line}\n`;
  }
}

function storeWords({ waiting, settled, left }: DrainReport['stores'][number], applied: boolean): string {
  const parts = [plural(waiting, 'write')];
  if (applied) parts.push(`${number(settled)} settled`);
  if (left > 0) parts.push(`${number(left)} not to be drained`);
  return parts.join(', ');
}

const WORDS: Readonly<Record<(typeof EFFECTS)[number], readonly [done: string, planned: string]>> = {
  insert: ['inserted', 'to insert'],
  update: ['updated', 'to update'],
  delete: ['deleted', 'to delete'],
  same: ['there already', 'there already'],
  kept: ['lost to the source', 'would lose to the source'],
  undecided: ['to be decided', 'to be decided'],
  failed: ['refused', 'refused'],
};

function effectWords({ effects, conflicts }: DrainedEntity, applied: boolean): string[] {
  const parts = EFFECTS.filter((effect) => effects[effect] > 0).map(
    (effect) => `${number(effects[effect])} ${WORDS[effect][applied ? 0 : 1]}`,
  );
  return [...parts, ...(conflicts > 0 ? [plural(conflicts, 'conflict')] : [])];
}

function replicaWords({ records, written, remaining, error }: DrainReport['replicas'][number]): string {
  const parts = [`${plural(records, 'record')} looked up`, `${number(written)} written`];
  parts.push(
    error === undefined
      ? remaining === 0
        ? 'in sync'
        : `${number(remaining)} still differ`
      : `unproven: ${oneLine(error)}`,
  );
  return parts.join(', ');
}

function* conflictLines(report: DrainReport, width: number, colours: Colours): Iterable<string> {
  const total = report.entities.reduce((sum, { conflicts }) => sum + conflicts, 0);
  if (report.conflicts.length === 0) return;
  yield `\n${colours.bold('Conflicts')}\n`;
  for (const conflict of report.conflicts.slice(0, SHOWN)) {
    const head = `${oneLine(conflict.entity)} ${shortenMiddle(keyWords(conflict.key), 48)}: ${winnerWords(conflict)}`;
    for (const line of wrap(head, width - 2)) yield `  ${line}\n`;
    for (const line of wrap(fieldWords(conflict), width - 4)) if (line !== '') yield `    ${line}\n`;
  }
  const rest = total - Math.min(SHOWN, report.conflicts.length);
  if (rest > 0) yield `  … ${number(rest)} more in ${oneLine(report.folder)}/conflicts.ndjson\n`;
}

const KINDS: Readonly<Record<ConflictLine['kind'], string>> = {
  changed: 'changed in both',
  inserted: 'inserted in both',
  deleted: 'no longer in the source',
};

function winnerWords({ kind, winner, rule }: ConflictLine): string {
  return `${KINDS[kind]}; ${winner === null ? 'nobody wins until somebody decides' : `the ${winner} wins (${rule})`}`;
}

/** `title: source a, contingency b`; of a delete there is only the one side, which the run's folder has. */
function fieldWords({ fields, operation }: ConflictLine): string {
  if (operation === 'delete') return 'the contingency deleted it';
  const words = fields.slice(0, FIELDS_SHOWN).map(({ name, source, contingency, sensitive }) => {
    if (sensitive) return `${oneLine(name)} (sensitive)`;
    const [left, right] = valuePair(source ?? null, contingency ?? null, LONGEST_VALUE);
    const sides = [
      ...(source === undefined ? [] : [`source ${left}`]),
      ...(contingency === undefined ? [] : [`contingency ${right}`]),
    ];
    return `${oneLine(name)}: ${sides.join(', ')}`;
  });
  const rest = fields.length - words.length;
  return [...words, ...(rest > 0 ? [`… ${plural(rest, 'more field')}`] : [])].join(' · ');
}

function* leftLines(
  title: string,
  left: readonly LeftWrite[],
  total: number,
  width: number,
  colours: Colours,
): Iterable<string> {
  if (total === 0) return;
  yield `\n${colours.bold(title)}\n`;
  for (const one of left.slice(0, SHOWN)) {
    const [first, ...more] = wrap(`${nameOfLeft(one)}: ${oneLine(one.error)}`, width - 4);
    yield `  ${first}\n`;
    for (const line of more) yield `    ${line}\n`;
  }
  if (total > SHOWN) yield `  … ${number(total - SHOWN)} more\n`;
}

function nameOfLeft({ store, id, entity, key }: LeftWrite): string {
  const record = entity === undefined ? id : [entity, ...(key ?? [])].join(' ');
  return `${shortenMiddle(oneLine(record), 48)} (${oneLine(store)})`;
}

function* problemLines(problems: readonly RunProblem[], width: number, colours: Colours): Iterable<string> {
  if (problems.length === 0) return;
  yield `\n${colours.bold('Problems')}\n`;
  for (const { where, message, hint } of problems) {
    const words = message.startsWith(`${where}: `) ? message : `${where}: ${message}`;
    for (const line of [...wrap(oneLine(words), width - 2), ...wrap(oneLine(hint ?? ''), width - 2)])
      if (line !== '') yield `  ${line}\n`;
  }
}

function notesOf({ entities }: DrainReport): readonly string[] {
  return entities.flatMap(({ name, unnamed }) => {
    const members = Object.entries(unnamed).map(([member, count]) => `${member} (${plural(count, 'write')})`);
    return members.length === 0 ? [] : [`${oneLine(name)} has no column for ${oneLine(listed(members))}: left out.`];
  });
}

function sentenceOf(report: DrainReport): string {
  const { stores, entities, verdict, applied, deadWrites, failedWrites, unsettled } = report;
  const waiting = stores.reduce((sum, store) => sum + store.waiting - store.left, 0);
  const count = (effect: (typeof EFFECTS)[number]) => entities.reduce((sum, { effects }) => sum + effects[effect], 0);
  if (verdict === 'refused') return 'Refused before the first write.';
  if (waiting === 0 && verdict === 'drained') return 'Nothing waits to be drained.';
  if (!applied && verdict !== 'incomplete') return `${plural(waiting, 'write')} would be brought back.`;
  const brought = count('insert') + count('update') + count('delete') + count('same') + count('kept');
  const parts = [
    `${plural(brought, 'write')} ${applied ? 'brought back' : 'would be brought back'}`,
    ...(count('undecided') > 0 ? [`${number(count('undecided'))} to be decided`] : []),
    ...(deadWrites > 0 ? [`${number(deadWrites)} among the dead letters`] : []),
    ...(failedWrites > 0 ? [`${number(failedWrites)} refused`] : []),
    ...(unsettled > 0 ? [`${number(unsettled)} not proven in every replica`] : []),
    ...(verdict === 'incomplete' ? ['not done to the end'] : []),
  ];
  return `${parts.join(', ')}.`;
}

function markOf({ verdict }: DrainReport): Mark {
  if (verdict === 'drained') return '✔';
  return verdict === 'waiting' || verdict === 'left' ? '!' : '✖';
}

function nextOf({ verdict, applied, deadLetters, entities, folder, run }: DrainReport): string {
  if (verdict === 'waiting') return 'Bring them back: plumbline drain --apply';
  if (verdict === 'incomplete' && applied) return 'Go on: plumbline drain --apply --resume';
  if (deadLetters !== null) return 'After mending them: plumbline drain --replay --apply';
  if (applied && entities.some(({ effects }) => effects.undecided > 0))
    return `Fill in take: plumbline drain --apply --decisions ${oneLine(folder)}/conflicts.ndjson`;
  return applied && entities.length > 0 ? `Take it back: plumbline undo ${run}` : '';
}

function* table(heads: readonly string[], rows: readonly (readonly string[])[]): Iterable<string> {
  if (rows.length === 0) return;
  yield `| ${heads.join(' | ')} |\n|${heads.map(() => ' --- |').join('')}\n`;
  for (const row of rows) yield `| ${row.map(markdownText).join(' | ')} |\n`;
  yield '\n';
}
