// What the acts have in common: plant damages, check, repair, look again, and hold each outcome against what was planted.

import { renderers } from '../../reports/index.ts';
import { repairLines } from '../../reports/sections.ts';
import { verdictText } from '../../reports/verdict.ts';
import { classCount, number, plural } from '../../reports/words.ts';
import type { Config } from '../../src/config/config.ts';
import type { DrainReport } from '../../src/contingency/drain-report.ts';
import { InterruptedError } from '../../src/errors.ts';
import { driftOf, FINDING_CLASSES, type Finding, type Report } from '../../src/report/report.ts';
import { check } from '../../src/run/check.ts';
import type { RunListener } from '../../src/run/events.ts';
import type { RepairOptions, RunOptions } from '../../src/run/options.ts';
import { reconcile } from '../../src/run/reconcile.ts';
import { readFindings } from '../../src/run/run-folder.ts';
import { damagesOnly, findingsIn, judge, type PlantedDamage } from './expectations.ts';
import type { Story } from './story.ts';

export interface ActOptions {
  readonly signal: AbortSignal;
  readonly onEvent?: RunListener;
  /** Progress has to be off the screen before a line is told. */
  readonly beforeTelling: () => void;
}

/** A damage of either system, ready to be planted. */
export interface PlantableDamage {
  readonly name: string;
  readonly store: string;
  readonly is: 'damage' | 'look-alike' | 'in flight';
  plant(): Promise<PlantedDamage>;
}

/** A seeded system with its damages. */
export interface Stage {
  readonly config: Config;
  readonly damages: readonly PlantableDamage[];
  /** What names begin with on a server that is shared: left out of all that is told. */
  readonly prefixes: readonly string[];
}

export interface Found {
  readonly report: Report;
  /** Told in full. */
  readonly text: string;
  readonly findings: readonly Finding[];
}

export class Act {
  readonly story: Story;
  readonly system: Stage;
  private readonly options: ActOptions;

  constructor(story: Story, system: Stage, options: ActOptions) {
    this.story = story;
    this.system = system;
    this.options = options;
  }

  async plant(): Promise<readonly PlantedDamage[]> {
    const { story } = this;
    story.step('Damage the copies behind plumbline’s back, with the native drivers');
    const started = performance.now();
    // Last, for it heals by itself within the second.
    const damages = [...this.system.damages].sort(
      (a, b) => Number(a.is === 'in flight') - Number(b.is === 'in flight'),
    );
    for (const store of new Set(damages.map((damage) => damage.store))) {
      const mine = damages.filter((damage) => damage.store === store);
      const real = mine.filter(({ is }) => is === 'damage');
      const names = real.map(({ name }) => name.slice(store.length + 1));
      const alike = mine.filter(({ is }) => is === 'look-alike').length;
      const more = alike === 0 ? '' : ` and ${plural(alike, 'look-alike')}`;
      story.list(`${story.colours.bold(store)}: ${plural(real.length, 'damage')}${more}`, names, 2);
    }
    const planted: PlantedDamage[] = [];
    for (const damage of damages) {
      this.stopIfAsked();
      planted.push(await damage.plant());
    }
    const count = (is: PlantableDamage['is']) => damages.filter((damage) => damage.is === is).length;
    const flying = count('in flight');
    const words = [
      `${plural(damagesOnly(planted).length, 'damage')} of ${plural(findingsIn(planted).length, 'record')}`,
      `${plural(count('look-alike'), 'look-alike')} that are none`,
      ...(flying === 0 ? [] : [`${plural(flying, 'change')} still on their way`]),
    ];
    story.done(`planted: ${words.join(', ')}`, started);
    return planted;
  }

  async find(planted: readonly PlantedDamage[]): Promise<Found> {
    const { story } = this;
    story.step('Check: is every damage found, once, by its name, and nothing else?');
    story.command('plumbline check');
    const started = performance.now();
    const report = await this.check();
    const text = await this.show(report);
    await Promise.all(planted.map(({ settled }) => settled));
    const findings = await this.findingsOf(report);
    const { right, wrong, accused, unplanted } = judge(planted, findings);
    const count = damagesOnly(planted).length;
    story.expect(`${right} of ${count} damages are found exactly once, with their class and fields`, wrong, started);
    story.expect('no look-alike and no change in flight is taken for drift', accused);
    story.expect('nothing is found that was not planted', unplanted);
    if (findingsIn(planted).some((finding) => finding.class === 'unread'))
      story.expect('the exit code is 3: records that can’t be read may be right or wrong', exitProblems(report, 3));
    else story.expect('the exit code is 1: drift', exitProblems(report, 1));
    return { report, text, findings };
  }

  /** With a limit of one write less than is needed. Had it written, the next repair would find less than was planted. */
  async repairRefused({ report: found }: Found): Promise<void> {
    const { story } = this;
    const maxRows = Math.max(...found.replicas.map((replica) => writesOf(replica, {}))) - 1;
    story.step('Repair, within a limit that is too narrow');
    story.command(`plumbline reconcile --apply --max-rows ${maxRows}`);
    const started = performance.now();
    const report = await this.reconcile({ maxRows });
    for (const { message, hint } of report.problems) story.say(`${message}. ${hint ?? ''}`);
    story.expect('refused before the first write, exit code 4', exitProblems(report, 4), started);
  }

  /** `left`: what of the damages it leaves alone. */
  async repair(
    planted: readonly PlantedDamage[],
    left: readonly PlantedDamage[],
    found: Report | undefined,
    options: RepairOptions,
  ): Promise<void> {
    const { story } = this;
    const maxPercent = found === undefined ? undefined : this.liftedPercent(found, options);
    story.command(`plumbline reconcile --apply${flagsOf({ ...options, maxPercent })}`);
    const started = performance.now();
    const report = await this.reconcile({ ...options, maxPercent });
    this.tellRepair(report);
    const wanted = findingsIn(planted).length - findingsIn(left).length;
    const equal = sum(report, (replica) => replica.repair?.verified.equal ?? 0);
    const problems = equal === wanted ? [] : [`expected ${wanted}: ${verdictText(report)}`];
    story.expect(`${plural(equal, 'record')} written or removed, and found right when read back`, problems, started);
  }

  async repairNothing(options: RepairOptions): Promise<void> {
    const { story } = this;
    story.step('Repair again: there is nothing to do, so nothing is done');
    story.command(`plumbline reconcile --apply${flagsOf(options)}`);
    const started = performance.now();
    const report = await this.reconcile(options);
    const writes = sum(report, ({ repair }) => {
      const { insert = 0, update = 0, delete: removed = 0 } = repair?.planned ?? {};
      return insert + update + removed + (repair?.outcomes.written ?? 0);
    });
    const problems = [...exitProblems(report, 0), ...(writes === 0 ? [] : [`${writes} writes were planned or made`])];
    story.expect('nothing is written, exit code 0', problems, started);
  }

  async expectInSync(words: string, brief = false): Promise<void> {
    const { story } = this;
    story.command('plumbline check');
    const started = performance.now();
    const report = await this.check();
    if (brief) story.say(`${verdictText(report)}.`);
    else await this.show(report);
    const found = sum(report, (replica) => driftOf(replica.counts) + replica.counts.unread);
    const problems = [...exitProblems(report, 0), ...(found === 0 ? [] : [`${found} findings`])];
    story.expect(`${words}: exit code 0`, problems, started);
  }

  /** A check that finds these damages and nothing else. */
  async expectOnly(left: readonly PlantedDamage[], words: string, options: RunOptions = {}): Promise<void> {
    const started = performance.now();
    const report = await this.check(options);
    const { wrong, unplanted } = judge(left, await this.findingsOf(report));
    this.story.expect(words, [...wrong, ...unplanted], started);
  }

  check(options: RunOptions = {}): Promise<Report> {
    return this.watched((watching) => check(this.system.config, { ...watching, ...options }));
  }

  /** Runs it as the demo runs everything: watched, interrupted by Ctrl-C, and told without prefixes. */
  async watched<T extends Report | DrainReport>(
    work: (watching: Pick<RunOptions, 'signal' | 'onEvent'>) => Promise<T>,
  ): Promise<T> {
    const { signal, onEvent, beforeTelling } = this.options;
    const report = await work({ signal, onEvent });
    beforeTelling();
    this.stopIfAsked();
    return this.plain(report);
  }

  async findingsOf(report: Report): Promise<readonly Finding[]> {
    if (report.folder === null) return report.replicas.flatMap((replica) => replica.findings);
    const findings: Finding[] = [];
    for await (const finding of readFindings(report.folder)) findings.push(this.plain(finding));
    return findings;
  }

  /** Only of replicas in which there was something to do. */
  tellRepair(report: Report): void {
    const { story } = this;
    const busy = report.replicas.filter(
      ({ counts, error, repair }) => driftOf(counts) + (repair?.outcomes.written ?? 0) > 0 || error !== undefined,
    );
    story.lines(repairLines({ ...report, replicas: busy }, story.width - 3, story.colours));
  }

  /** Tells the report, what it covers in one line, and of the findings only those of each store's first replica; returns all of its text. */
  async show(report: Report): Promise<string> {
    const { width, colours } = this.story;
    const { folder } = report;
    // Told as it would be in the demo's own folder.
    const shown = folder === null ? report : { ...report, folder: `.plumbline/runs/${report.run}` };
    const findings = () => readFindings(folder!);
    let text = '';
    let told = '';
    let more = 0;
    const stores = new Set<string>();
    for await (const piece of renderers.table(shown, { width, colour: colours.isColorSupported, findings })) {
      text += piece;
      const store = report.command === 'verify-sync' ? undefined : storeOf(piece, report);
      if (store !== undefined && stores.has(store)) more += 1;
      else {
        // The first piece after those that were left out.
        if (more > 0 && store === undefined) {
          told += `\n${colours.dim(`… and the same of ${plural(more, 'other replica')}`)}\n`;
          more = 0;
        }
        told += piece.includes('Compared in ') ? shortCoverage(piece) : piece;
      }
      if (store !== undefined) stores.add(store);
    }
    this.story.block(told);
    return text;
  }

  stopIfAsked(): void {
    if (this.options.signal.aborted) throw new InterruptedError();
  }

  private reconcile(options: RepairOptions): Promise<Report> {
    return this.watched((watching) => reconcile(this.system.config, { ...watching, ...options, apply: true }));
  }

  /** What the limit has to be lifted to; undefined where it is not met. */
  private liftedPercent(found: Report, options: RepairOptions): number | undefined {
    const percents = found.replicas.map((replica) => {
      if (replica.cache) return 0;
      return (100 * writesOf(replica, options)) / Math.max(replica.sourceRows ?? 0, replica.replicaRows ?? 0, 1);
    });
    const most = Math.max(0, ...percents);
    return most > this.system.config.limits.maxPercent ? Math.ceil(most) : undefined;
  }

  private plain<T extends Report | DrainReport | Finding>(document: T): T {
    const text = this.system.prefixes.reduce((all, prefix) => all.replaceAll(prefix, ''), JSON.stringify(document));
    return JSON.parse(text) as T;
  }
}

export function exitProblems(report: Report, wanted: number): readonly string[] {
  if (report.exitCode === wanted) return [];
  const counts = FINDING_CLASSES.map((name) => [name, sum(report, (replica) => replica.counts[name])] as const);
  const found = counts.filter(([, count]) => count > 0).map(([name, count]) => classCount(name, count));
  const words = `exit code ${report.exitCode}: ${verdictText(report)}${found.length > 0 ? ` (${found.join(', ')})` : ''}`;
  const errors = report.replicas.flatMap((replica) => [
    ...(replica.error === undefined ? [] : [`${replica.name}: ${replica.error.message}`]),
    ...(replica.repair?.errors ?? []).map((error) => `${replica.name}: ${error}`),
  ]);
  return [words, ...report.problems.map(({ where, message }) => `${where}: ${message}`), ...errors];
}

export function sum(report: Report, of: (replica: Report['replicas'][number]) => number): number {
  return report.replicas.reduce((total, replica) => total + of(replica), 0);
}

function writesOf({ counts }: Report['replicas'][number], options: RepairOptions): number {
  const { deleteOrphans, deleteDuplicates, overwriteAhead } = options;
  const asked = [
    ...(deleteOrphans ? [counts.orphan] : []),
    ...(deleteDuplicates ? [counts.duplicate] : []),
    ...(overwriteAhead ? [counts.ahead] : []),
  ];
  return asked.reduce((total, count) => total + count, counts.missing + counts.stale + counts.mismatched);
}

/** As they would be typed. */
function flagsOf({ deleteOrphans, deleteDuplicates, overwriteAhead, maxPercent }: RepairOptions): string {
  const flags = [
    ...(deleteOrphans ? ['--delete-orphans'] : []),
    ...(deleteDuplicates ? ['--delete-duplicates'] : []),
    ...(overwriteAhead ? ['--overwrite-ahead'] : []),
    ...(maxPercent === undefined ? [] : [`--max-percent ${number(maxPercent)}`]),
  ];
  return flags.map((flag) => ` ${flag}`).join('');
}

/** Each replica's small print is long; whoever wants it runs the command. */
function shortCoverage(piece: string): string {
  const lines = piece.split('\n');
  const at = lines.findIndex((line) => line.startsWith('Compared in '));
  return `${[...lines.slice(0, at), lines[at]!.replace(/(: [^,;]*)[,;].*$/, '$1 …')].join('\n')}\n`;
}

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');

/** Whose replica's findings the piece of a report shows; undefined for any other piece. */
function storeOf(piece: string, { replicas }: Report): string | undefined {
  const plain = piece.replaceAll(ESCAPES, '').trimStart();
  return replicas.find(({ name }) => plain.startsWith(`${name}:`))?.store;
}
