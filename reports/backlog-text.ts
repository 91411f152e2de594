// What a backlog named and what became of its jobs or events, in words.

import type { BacklogReport } from '../src/report/report.ts';
import { oneLine, shortenMiddle } from './text.ts';
import { number, plural } from './words.ts';

const DONE = { retry: 'retried', remove: 'removed', mark: 'marked as published' } as const;

/** `Queue replication`, `The outbox`. */
function backlogName({ kind, name }: BacklogReport): string {
  return kind === 'outbox' ? 'The outbox' : `Queue ${shortenMiddle(oneLine(name), 40)}`;
}

/** `Queue replication has no failed jobs`. */
export function emptyBacklog(backlog: BacklogReport): string {
  return `${backlogName(backlog)} has no ${backlog.kind === 'outbox' ? 'such events' : 'failed jobs'}`;
}

/** `Queue replication: 41 failed jobs about 37 records`. */
export function backlogTitle(backlog: BacklogReport): string {
  const items = plural(backlog.read, backlog.kind === 'outbox' ? 'event' : 'failed job');
  return `${backlogName(backlog)}: ${items} about ${plural(backlog.records, 'record')}`;
}

/** One phrase for each thing that a person would ask about, the settled first. */
export function backlogParts({ notChosen, unread, examples, settled }: BacklogReport): string[] {
  const parts: string[] = [];
  if (settled !== undefined)
    parts.push(`${number(settled.settled)} ${DONE[settled.how]}: every record was read back equal`);
  for (const { reason, count, examples: ids } of settled?.left ?? []) {
    const more = count > ids.length ? ', …' : '';
    parts.push(`${number(count)} left: ${oneLine(reason)} (${ids.map(oneLine).join(', ')}${more})`);
  }
  if (unread > 0) {
    const reasons = examples.map(({ id, reason }) => `${oneLine(id)}: ${oneLine(reason)}`);
    parts.push(
      `${number(unread)} can't be looked up: ${[...reasons, ...(unread > examples.length ? ['…'] : [])].join('; ')}`,
    );
  }
  if (settled === undefined && notChosen > 0) parts.push(`${number(notChosen)} name records of other replicas only`);
  return parts;
}
