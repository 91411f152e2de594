// A run's events become a few live lines on a terminal, rewritten in place and gone at the end. It reads nothing but
// the events and the clock, and it does nothing where stderr is no terminal.

import { oneLine, padEnd, shorten, shortenMiddle } from '../reports/text.ts';
import { duration, number, plural } from '../reports/words.ts';
import { worstWords } from '../src/health/health-report.ts';
import type { RunEvent, Stage } from '../src/run/events.ts';
import type { Terminal } from './terminal.ts';

const REDRAW_MS = 125;
/** What is over sooner needs no progress. */
const QUIET_MS = 300;
const RETRY_SHOWN_MS = 5000;
const MOST_LINES = 8;
const LONGEST_NAME = 32;

const STAGES: Readonly<Record<Stage, string>> = {
  gate: 'Asking the health gate',
  alert: 'Sending alerts',
  connect: 'Connecting',
  plan: 'Planning',
  read: 'Reading what to look at',
  compare: 'Comparing',
  repair: 'Repairing',
  gather: 'Gathering writes',
  drain: 'Draining',
  settle: 'Settling',
};

interface Work {
  readonly name: string;
  readonly entity?: string;
  /** The first that was heard of it: when, and how much was done by then. */
  readonly since: number;
  readonly before: number;
  done: number;
  expected: number;
}

export interface ProgressOptions {
  /** Milliseconds that only grow. */
  readonly now?: () => number;
  /** Takes the secrets out of a text. */
  readonly redact?: (text: string) => string;
}

export class Progress {
  private readonly stream: Terminal;
  private readonly now: () => number;
  private readonly redact: (text: string) => string;
  private readonly timer: NodeJS.Timeout;
  private readonly started: number;
  private readonly work = new Map<string, Work>();
  private stage: Stage | undefined;
  private compared = 0;
  private findings = 0;
  private retry: { readonly text: string; readonly until: number } | undefined;
  private gate: Extract<RunEvent, { type: 'gate' }> | undefined;
  private wait: { readonly what: string; readonly until: number } | undefined;
  private stopping = false;
  private drawn = 0;

  constructor(stream: Terminal, options: ProgressOptions = {}) {
    this.stream = stream;
    this.now = options.now ?? (() => performance.now());
    this.redact = options.redact ?? ((text) => text);
    this.started = this.now();
    this.timer = setInterval(() => this.draw(), REDRAW_MS).unref();
  }

  readonly listener = (event: RunEvent): void => {
    switch (event.type) {
      case 'stage':
        this.stage = event.stage;
        this.gate = undefined;
        this.wait = undefined;
        this.work.clear();
        break;
      case 'rows':
        this.update(event.replica ?? sourceOf(event.entity), event.rows, event.expected, event.entity);
        break;
      case 'compared': {
        this.compared++;
        const { entity } = this.work.get(event.replica) ?? {};
        this.work.delete(event.replica);
        // No replica is done before its source has been read to the end.
        if (entity !== undefined) this.work.delete(sourceOf(entity));
        break;
      }
      case 'finding':
        this.findings++;
        break;
      case 'gate':
        this.gate = event;
        break;
      case 'wait':
        this.wait = { what: event.what, until: this.now() + event.seconds * 1000 };
        break;
      case 'retry':
        this.retry = { text: retryText(event.verb, event.reason), until: this.now() + RETRY_SHOWN_MS };
        break;
      case 'items':
        this.update(event.backlog, event.items, 0);
        break;
      case 'repaired':
        this.update(event.replica, event.records, event.expected);
        break;
    }
  };

  /** The user asked to stop: said at once, for it may take a moment. */
  stopsSoon(): void {
    this.stopping = true;
    this.redraw();
  }

  /** Clears the lines. Nothing is drawn afterwards. */
  stop(): void {
    clearInterval(this.timer);
    if (this.drawn > 0) this.stream.write(this.erasure());
    this.drawn = 0;
  }

  /** The lines as they are now, each fitting `width`. */
  lines(width: number): string[] {
    const now = this.now();
    const lines = [shorten(this.headline(now), width)];
    const names = [...this.work.values()].slice(-MOST_LINES);
    const nameWidth = Math.min(LONGEST_NAME, Math.max(0, ...names.map(({ name }) => oneLine(name).length)));
    for (const work of names) {
      const name = padEnd(shortenMiddle(oneLine(work.name), nameWidth), nameWidth);
      lines.push(shorten(`  ${name}  ${workText(work, now)}`, width));
    }
    for (const probe of this.gate?.blocked ?? [])
      lines.push(shorten(`  ${oneLine(`${probe.name}: ${worstWords(probe)}`)}`, width));
    if (this.retry !== undefined && this.retry.until > now)
      lines.push(shorten(`  ${oneLine(this.redact(this.retry.text))}`, width));
    return lines;
  }

  private headline(now: number): string {
    if (this.stopping) return 'Stopping; what was found so far follows. Ctrl-C again ends at once.';
    if (this.gate !== undefined) {
      const { waited, left } = this.gate;
      return `Waiting for the health gate · ${duration(waited)} · gives up in ${duration(left)}`;
    }
    if (this.wait !== undefined) {
      const left = Math.max(0, Math.ceil((this.wait.until - now) / 1000));
      return `${oneLine(this.redact(this.wait.what))} · again in ${duration(left)}`;
    }
    const parts = [this.stage === undefined ? 'Starting' : STAGES[this.stage]];
    const whole = Math.floor((now - this.started) / 1000);
    parts.push(whole < 60 ? `${whole}s` : duration(whole));
    if (this.compared > 0) parts.push(`${plural(this.compared, 'replica')} done`);
    if (this.findings > 0) parts.push(plural(this.findings, 'finding'));
    return parts.join(' · ');
  }

  private update(name: string, done: number, expected: number, entity?: string): void {
    const known = this.work.get(name);
    if (known === undefined) this.work.set(name, { name, entity, since: this.now(), before: done, done, expected });
    else Object.assign(known, { done, expected });
  }

  private draw(): void {
    if (this.now() - this.started >= QUIET_MS) this.redraw();
  }

  private redraw(): void {
    const lines = this.lines((this.stream.columns ?? 80) - 1);
    // In one write, or it flickers.
    this.stream.write(`${this.erasure()}${lines.join('\n')}\n`);
    this.drawn = lines.length;
  }

  private erasure(): string {
    return this.drawn === 0 ? '' : `\u001b[${this.drawn}A\r\u001b[J`;
  }
}

/** `1,200,000 of ~2,000,000 · 410,000/s · 60 % · 2.0s left`; without an end where the estimate is exceeded. */
function workText({ since, before, done, expected }: Work, now: number): string {
  const seconds = (now - since) / 1000;
  const rate = seconds < 0.5 ? 0 : (done - before) / seconds;
  const parts = [done <= expected ? `${number(done)} of ~${number(expected)}` : number(done)];
  if (rate > 0) parts.push(`${number(rate)}/s`);
  if (done < expected) parts.push(`${Math.floor((100 * done) / expected)} %`);
  if (done < expected && rate > 0) parts.push(`${duration(Math.ceil((expected - done) / rate))} left`);
  return parts.join(' · ');
}

function sourceOf(entity: string): string {
  return `${entity} (source)`;
}

/** `docs: fetch: retrying after connection refused`. The reason names store and verb again. */
function retryText(verb: string, reason: string): string {
  const store = verb.split(':')[0]!;
  const detail = reason.startsWith(`${store}: `) ? reason.replace(/^[^:]+: [^:]+: /, '') : reason;
  return `${verb}: retrying after ${detail}`;
}
