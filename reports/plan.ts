// What check --plan says: how each replica would be compared and why, in the manner of EXPLAIN.

import type { ExplainedReplica, Explanation } from '../src/run/explain.ts';
import type { Answer } from './answer.ts';
import { jsonText } from './json.ts';
import { flow, NARROWEST, oneLine, shortenMiddle, wrap } from './text.ts';
import { type Colours, coloursOf, markPaint } from './theme.ts';
import { duration, number, plural } from './words.ts';

export function planAnswer(explanation: Explanation): Answer {
  const replicas = explanation.entities.flatMap((entity) => entity.replicas);
  const down = replicas.filter((replica) => replica.problem !== undefined).length;
  const rest = `${plural(replicas.length, 'replica')} of ${plural(explanation.entities.length, 'entity', 'entities')}`;
  return {
    render: {
      table: (width, colour) => planTable(explanation, width, colour),
      json: () => [`${jsonText(explanation, 2)}\n`],
    },
    mark: down > 0 ? '?' : '✔',
    sentence: `Plan for ${rest}${down > 0 ? `, ${down} can’t be reached` : ''}; nothing was compared.`,
    exitCode: explanation.exitCode,
  };
}

export function* planTable(explanation: Explanation, columns: number, colour: boolean): Iterable<string> {
  const width = Math.max(NARROWEST, columns);
  const colours = coloursOf(colour);
  const { mark, sentence } = planAnswer(explanation);
  yield `${colours.bold(markPaint(colours, mark)(`${mark} ${sentence}`))}\n`;
  yield `${colours.dim(`  ${shortenMiddle(oneLine(explanation.config), width - 2)}`)}\n`;
  for (const entity of explanation.entities) {
    const facts = [
      `about ${plural(entity.estimatedRows, 'row')}`,
      `key ${entity.key.map(oneLine).join(', ')}${entity.keyIsUnique ? '' : ' (no unique index)'}`,
      ...(entity.version === undefined ? ['no version'] : [`version ${oneLine(entity.version)}`]),
      ...(entity.memory > 0 ? [`${bytes(entity.memory)} for row hashes`] : []),
    ];
    const lines = flow(
      facts.map((fact) => fact.split(' ')),
      width - 4,
      ' · ',
    );
    yield `\n${colours.bold(oneLine(entity.name))}\n`;
    for (const line of lines) yield `  ${line}\n`;
    for (const replica of entity.replicas) {
      for (const line of replicaLines(replica, width, colours)) yield `${line}\n`;
    }
  }
  yield `\n${`exit ${explanation.exitCode}`.padStart(width)}\n`;
}

function replicaLines(replica: ExplainedReplica, width: number, colours: Colours): string[] {
  const name = shortenMiddle(oneLine(replica.name), Math.floor(width / 2));
  if (replica.problem !== undefined) {
    const { message, hint } = replica.problem;
    const text = [message, ...(hint === undefined ? [] : [hint])].flatMap((line) => wrap(oneLine(line), width - 6));
    return [`  ${markPaint(colours, '?')('?')} ${name}`, ...text.map((line) => `      ${line}`)];
  }
  const facts = [
    `by ${replica.strategy}`,
    `${replica.product}`,
    `about ${plural(replica.estimatedRows, 'record')}`,
    plural(replica.fields.length, 'field'),
  ];
  const lines = [`  → ${name}`, ...labelled('how', facts.join(', '), width, colours)];
  lines.push(...labelled('why', replica.why, width, colours));
  for (const note of replica.notes) lines.push(...labelled('note', note, width, colours));
  if (replica.ignored.length > 0) {
    lines.push(...labelled('note', `not compared, on purpose: ${replica.ignored.join(', ')}`, width, colours));
  }
  lines.push(...labelled('lag', `may trail the source by ${duration(replica.maxLag / 1000)}`, width, colours));
  for (const problem of replica.writeProblems) lines.push(...labelled('repair', problem, width, colours));
  return lines;
}

function labelled(label: string, text: string, width: number, colours: Colours): string[] {
  return wrap(oneLine(text), width - 14).map((line, at) => {
    const start = `      ${(at === 0 ? label : '').padEnd(8)}`;
    return `${colours.dim(start)}${line}`;
  });
}

function bytes(count: number): string {
  return count < 2 ** 20 ? `${number(Math.ceil(count / 2 ** 10))} KiB` : `${number(Math.ceil(count / 2 ** 20))} MiB`;
}
