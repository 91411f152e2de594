// The live view of health: on a terminal a screen that is redrawn in place and gone at the end, piped a line for each change of state.

import { healthTable, readingText, STATUS_MARKS, worstReading } from '../reports/health.ts';
import { oneLine, shorten } from '../reports/text.ts';
import { duration, moment } from '../reports/words.ts';
import type { HealthReport } from '../src/health/health-report.ts';
import { nextStates, type ProbeChange, type ProbeStates } from '../src/health/states.ts';
import { type Terminal, writeTo } from './terminal.ts';

export interface LiveView {
  /** False: nobody looks any more. */
  show(report: HealthReport): Promise<boolean>;
  stop(): void;
}

const REDRAW_MS = 1000;
const CHANGES_SHOWN = 5;
// The other screen, which leaves what stood on the terminal as it was; no cursor; no line goes on in the next.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const END_OF_LINE = '\u001b[K';
const END_OF_SCREEN = '\u001b[J';

export class LiveScreen implements LiveView {
  private readonly stream: Terminal & { readonly rows?: number };
  private readonly every: number;
  private readonly colour: boolean;
  private readonly now: () => number;
  private readonly timer: NodeJS.Timeout;
  private states: ProbeStates = new Map();
  private changes: readonly ProbeChange[] = [];
  private report: HealthReport | undefined;
  private open = true;

  /** `every`: milliseconds between two looks. `now`: milliseconds since 1970. */
  constructor(stream: Terminal, settings: { every: number; colour: boolean; now?: () => number }) {
    this.stream = stream;
    this.every = settings.every;
    this.colour = settings.colour;
    this.now = settings.now ?? Date.now;
    stream.write(ENTER);
    // However the process ends: a terminal without a cursor is of no use to anybody.
    process.once('exit', this.stop);
    stream.on('resize', this.draw);
    this.timer = setInterval(this.draw, REDRAW_MS).unref();
    this.draw();
  }

  async show(report: HealthReport): Promise<boolean> {
    const first = this.report === undefined;
    const { states, changes } = nextStates(this.states, report);
    this.states = states;
    if (!first) this.changes = [...changes, ...this.changes].slice(0, CHANGES_SHOWN);
    this.report = report;
    this.draw();
    return true;
  }

  readonly stop = (): void => {
    if (!this.open) return;
    this.open = false;
    clearInterval(this.timer);
    process.off('exit', this.stop);
    this.stream.off('resize', this.draw);
    this.stream.write(LEAVE);
  };

  /** The lines as they are now, none longer than `width`, at most `rows`. */
  lines(width: number, rows: number): readonly string[] {
    const foot = [`A look every ${duration(this.every / 1000)}. Ctrl-C ends.`];
    if (this.report === undefined) return ['Asking …', '', ...foot];
    const ages = new Map([...this.states].map(([name, { since }]) => [name, this.age(since)]));
    const table = [...healthTable(this.report, width, this.colour, ages)].join('').trimEnd().split('\n');
    const changes = this.changes.map((change) => shorten(`  ${changeText(change)}`, width));
    if (changes.length > 0) foot.unshift('Last changes, newest first', ...changes, '');
    const room = Math.max(1, rows - foot.length - 1);
    const shown = table.length <= room ? table : [...table.slice(0, room - 1), '  … more than fits this screen'];
    return [...shown, '', ...foot].slice(0, rows);
  }

  private age(since: string): string {
    const seconds = Math.max(0, Math.floor((this.now() - Date.parse(since)) / 1000));
    return seconds < 60 ? `${seconds}s` : duration(seconds);
  }

  private readonly draw = (): void => {
    // A terminal that does not know its size says 0.
    const lines = this.lines(this.stream.columns || 80, this.stream.rows || 24);
    // In one write, or it flickers; no line end after the last, or the screen would scroll.
    const text = lines.map((line) => `${line}${END_OF_LINE}`).join('\r\n');
    this.stream.write(`${HOME}${text}${END_OF_SCREEN}`);
  };
}

/** The first look is a line for each probe; with `quiet` only for what is not fine. */
export class LiveLines implements LiveView {
  private readonly stream: Terminal;
  private readonly quiet: boolean;
  private states: ProbeStates = new Map();

  constructor(stream: Terminal, quiet: boolean) {
    this.stream = stream;
    this.quiet = quiet;
  }

  async show(report: HealthReport): Promise<boolean> {
    const { states, changes } = nextStates(this.states, report);
    this.states = states;
    const told = changes.filter(({ from, probe }) => !this.quiet || from !== undefined || probe.status !== 'ok');
    return writeTo(
      this.stream,
      told.map((change) => `${changeText(change)}\n`),
    );
  }

  stop(): void {}
}

/** `2026-11-22 02:00:03 UTC  ✖ slots ok → failed: physical_slot_2: inactive for 3 h`. */
function changeText({ probe, from, at }: ProbeChange): string {
  const states = from === undefined ? probe.status : `${from} → ${probe.status}`;
  return `${moment(at)}  ${STATUS_MARKS[probe.status]} ${oneLine(probe.name)} ${states}: ${readingText(worstReading(probe))}`;
}
