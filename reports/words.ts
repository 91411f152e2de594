// The words that all formats share: numbers, durations, moments, values, keys, commands for a shell.

import type { Finding, FindingClass, Report } from '../src/report/report.ts';
import { shellWord } from '../src/report/shell-word.ts';
import type { Value } from '../src/value/field-type.ts';
import { displayWidth, escapeText, escapeToAscii, needsEscape, shorten, takeEnd } from './text.ts';

const THOUSANDS = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function number(value: number): string {
  return THOUSANDS.format(value);
}

/** `1 record`, `1,204 records`. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${number(count)} ${count === 1 ? noun : many}`;
}

/** `410 ms`, `6.1s`, `2m 05s`, `1h 02m`. */
export function duration(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (part: number) => String(part).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** `2026-11-22 02:00:03 UTC`: the machine's own time zone is not a renderer's business. */
export function moment(iso: string): string {
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) ? escapeText(iso) : `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `3 orphans`, `2 stale`. */
export function classCount(name: FindingClass, count: number): string {
  return name === 'orphan' || name === 'duplicate' ? plural(count, name) : `${number(count)} ${name}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/**
 * A value for the eye. Plain text stands as it is; what could be misread (empty, blank ends, control characters, the text `null`)
 * stands in quotes with escapes.
 */
export function valueText(value: Value): string {
  if (value === null) return 'null';
  if (value !== '' && value !== 'null' && value === value.trim() && !needsEscape(value)) return value;
  return `"${escapeText(value.replace(/[\\"]/g, '\\$&'))}"`;
}

/** Two values for the eye, each in at most `max` columns, cut so that their first difference can be seen. */
export function valuePair(left: Value, right: Value, max: number): [string, string] {
  let texts: [string, string] = [valueText(withoutNoughts(left)), valueText(withoutNoughts(right))];
  if (left !== right && texts[0].normalize('NFKC') === texts[1].normalize('NFKC')) {
    texts = [escapeToAscii(texts[0]), escapeToAscii(texts[1])];
  }
  const short = (text: string) => text.length <= max && displayWidth(text) <= max;
  if (short(texts[0]) && short(texts[1])) return texts;
  const same = texts[0].slice(0, commonStart(...texts));
  // More of what stands before the difference: in JSON that is the field's name.
  const before = displayWidth(same) > max / 2 ? takeEnd(same, Math.floor(max * 0.6)) : same;
  const cut = same.length - before.length;
  const shown = (text: string) => shorten(cut === 0 ? text : `…${text.slice(cut)}`, max);
  return [shown(texts[0]), shown(texts[1])];
}

/** A canonical timestamp has six digits after the second whether they say anything or not. */
export function withoutNoughts(value: Value): Value {
  return value && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value) ? value.replace(/\.?0+Z$/, 'Z') : value;
}

/** Never ends inside a surrogate pair. */
function commonStart(left: string, right: string): number {
  let at = 0;
  while (at < left.length && at < right.length && left[at] === right[at]) at++;
  return /[\ud800-\udbff]/.test(left[at - 1] ?? '') ? at - 1 : at;
}

/** `id 41`, `tenant 4, id 88`. */
export function keyWords(key: Finding['key']): string {
  return Object.entries(key)
    .map(([name, value]) => `${escapeText(name)} ${valueText(value)}`)
    .join(', ');
}

/** The words after `plumbline`, ready to paste into a shell; undefined where a word holds what no prompt takes well. */
export function command(report: Report, verb: string, names: readonly string[], flags: readonly string[] = []) {
  const words = [verb, ...flags];
  if (report.config !== 'plumbline.yaml') words.push('-c', report.config);
  if (names.some((name) => name.startsWith('-'))) words.push('--');
  // Names come first for reading; after `--` nothing but names may follow.
  const ordered = words.at(-1) === '--' ? [...words, ...names] : [verb, ...names, ...words.slice(1)];
  return ordered.some(needsEscape) ? undefined : ['plumbline', ...ordered.map(shellWord)].join(' ');
}

/** A key as `verify-sync` takes it: the value of a simple key, a JSON array of a compound one. */
export function keyArgument(key: Finding['key']): string {
  const values = Object.values(key);
  return values.length === 1 ? values[0]! : JSON.stringify(values);
}
