// Tells what the demo does: numbered steps, commands as a person would type them, and expectations that hold or not.

import { displayWidth, flow, oneLine, wrap } from '../../reports/text.ts';
import { type Colours, coloursOf, markPaint } from '../../reports/theme.ts';
import { duration } from '../../reports/words.ts';

export class Story {
  /** What did not come out as it should have. */
  readonly failures: string[] = [];
  /** Expectations told so far. */
  expected = 0;
  readonly width: number;
  readonly colours: Colours;
  private readonly write: (text: string) => void;
  private steps = 0;

  constructor(write: (text: string) => void, width: number, colour: boolean) {
    this.write = write;
    this.width = Math.max(72, width);
    this.colours = coloursOf(colour);
  }

  act(title: string): void {
    this.write(`\n${this.colours.bold(this.colours.underline(title))}\n`);
  }

  step(title: string): void {
    this.steps += 1;
    this.write(`\n${this.colours.bold(`${this.steps}. ${title}`)}\n`);
  }

  say(text: string, indent = 3): void {
    for (const line of wrap(oneLine(text), this.width - indent)) this.write(`${' '.repeat(indent)}${line}\n`);
  }

  /** As it would be typed. */
  command(words: string): void {
    const pieces = words.split(/ (?=--)/).map((piece) => [piece]);
    const lines = flow(pieces, this.width - 9, ' ').map((line) => line.trim());
    const text = lines.map((line) => this.colours.cyan(line)).join(' \\\n       ');
    this.write(`\n   ${this.colours.dim('$')} ${text}\n`);
  }

  /** Words under a label, wrapped between them, on at most so many lines. */
  list(label: string, words: readonly string[], most: number): void {
    const lines = flow(
      words.map((word) => [word]),
      this.width - 7,
      ', ',
    );
    this.write(`   ${label}\n`);
    for (const [at, line] of lines.slice(0, most).entries()) {
      const end = at === most - 1 && lines.length > most ? ' …' : '';
      this.write(`     ${this.colours.dim(line + end)}\n`);
    }
  }

  /** Text with line ends of its own, such as a report's. */
  block(text: string): void {
    this.write(`\n${text.replace(/\n$/, '')}\n\n`);
  }

  lines(lines: readonly string[]): void {
    if (lines.length > 0) this.write(`${lines.map((line) => `   ${line}\n`).join('')}`);
  }

  done(text: string, since?: number): void {
    this.mark('✔', text, since);
  }

  /** One of several whose labels have one width. */
  entry(label: string, text: string): void {
    this.mark('✔', text, undefined, `${label}  `);
  }

  /** Something that is not there, which is no mistake; `how` it could be. */
  absent(label: string, text: string, how: string): void {
    this.mark('?', text, undefined, `${label}  `);
    this.say(how, 7 + displayWidth(label));
  }

  /** `problems` tells what is wrong; empty means that it came out as expected. */
  expect(text: string, problems: readonly string[], since?: number): void {
    this.expected += 1;
    this.mark(problems.length === 0 ? '✔' : '✖', text, since);
    if (problems.length === 0) return;
    this.failures.push(text);
    for (const problem of problems.slice(0, 20)) this.say(problem, 7);
    if (problems.length > 20) this.say(`… ${problems.length - 20} more`, 7);
  }

  private mark(mark: '✔' | '✖' | '?', text: string, since: number | undefined, label = ''): void {
    const time = since === undefined ? '' : duration((performance.now() - since) / 1000);
    const indent = displayWidth(label);
    const lines = wrap(oneLine(text), this.width - 5 - indent - (time === '' ? 0 : time.length + 2));
    for (const [at, line] of lines.entries()) {
      const start = at === 0 ? `${markPaint(this.colours, mark)(mark)} ${label}` : ' '.repeat(2 + indent);
      const isLast = at === lines.length - 1 && time !== '';
      const end = isLast ? time.padStart(this.width - 5 - indent - displayWidth(line)) : '';
      this.write(`   ${start}${line}${end === '' ? '' : this.colours.dim(end)}\n`);
    }
  }
}
