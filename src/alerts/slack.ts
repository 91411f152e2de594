// An alert as a message that Slack's incoming webhooks take. Plain mrkdwn in `text`: Mattermost and Discord (/slack) read that too, but no blocks.

import type { AlertEvent } from '../config/config.ts';
import type { Alert, AlertSubject } from './alert.ts';

const MARKS: Readonly<Record<AlertEvent, string>> = { failure: '✖', unknown: '?', warning: '!', recovery: '✔' };
const MOST_SUBJECTS = 20;
/** Beyond it Slack cuts by itself. */
const LONGEST_LINE = 1000;

export function slackMessage(alert: Alert): { readonly text: string } {
  const { subjects, summary, event, config, run, host, exitCode } = alert;
  const lines = [
    `${MARKS[event]} *${escaped(summary)}*`,
    ...subjects.slice(0, MOST_SUBJECTS).flatMap(subjectLines),
    ...(subjects.length > MOST_SUBJECTS ? [`… ${subjects.length - MOST_SUBJECTS} more`] : []),
    escaped(`${config} on ${host} · run ${run} · exit ${exitCode}`),
  ];
  return { text: lines.map((line) => line.slice(0, LONGEST_LINE)).join('\n') };
}

function subjectLines({ event, name, message, hint }: AlertSubject): string[] {
  const words = event === 'recovery' ? `recovered: ${message}` : message;
  return [
    `${MARKS[event]} *${escaped(name)}* ${escaped(words)}`,
    ...(hint === undefined ? [] : [`> ${escaped(hint)}`]),
  ];
}

/** Slack's three control characters, and a line's end. A star or an underscore at worst makes a word bold. */
function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
