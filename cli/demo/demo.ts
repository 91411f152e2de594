// The demo: three servers, the same rows in each, every known damage planted, found, named and repaired, and each claim
// checked as it is made. Returns the story's failures; an interruption and servers that can't be had are thrown.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configText, environmentOf } from '../../fixtures/georiesgo/config.ts';
import { connectNative, damagesOf, type Native } from '../../fixtures/georiesgo/damages.ts';
import { seedGeoriesgo } from '../../fixtures/georiesgo/seed.ts';
import type { StoreName } from '../../fixtures/georiesgo/stores.ts';
import { TABLES, tableOf } from '../../fixtures/georiesgo/tables.ts';
import { renderers } from '../../reports/index.ts';
import { repairLines } from '../../reports/sections.ts';
import { verdictText } from '../../reports/verdict.ts';
import { classCount, listed, number, plural } from '../../reports/words.ts';
import type { Config } from '../../src/config/config.ts';
import { InterruptedError } from '../../src/errors.ts';
import { parseConfig } from '../../src/read.ts';
import { driftOf, FINDING_CLASSES, type Finding, type FindingClass, type Report } from '../../src/report/report.ts';
import { check } from '../../src/run/check.ts';
import type { RunListener } from '../../src/run/events.ts';
import type { RepairOptions } from '../../src/run/options.ts';
import { reconcile } from '../../src/run/reconcile.ts';
import { readFindings } from '../../src/run/run-folder.ts';
import { classOf, damagesOnly, judge, type PlantedDamage } from './expectations.ts';
import { mend, seededRow } from './mend.ts';
import { type DemoServers, startServers } from './servers.ts';
import type { Story } from './story.ts';

export interface DemoOptions {
  readonly rows: number;
  readonly seed: number;
  /** Leave the servers running when the story is over, until the signal fires. */
  readonly keep: boolean;
  readonly signal: AbortSignal;
  readonly onEvent?: RunListener;
  /** Progress has to be off the screen before a line is told. */
  readonly beforeTelling: () => void;
}

/** What policy leaves alone, and why. */
const LEFT: Partial<Record<FindingClass, string>> = {
  ahead: 'ahead: the copy is newer than the source; only --overwrite-ahead takes the source’s word for it',
  duplicate: 'duplicate: which of the copies is to stay is for a person to say',
  unread: 'unread: what could not be read is not known to be wrong',
};

/** The others take longer to start than all the rest takes. */
const STORES: readonly StoreName[] = ['backup', 'docs'];
const DAMAGES = damagesOf(STORES);

const NARROW_LIMIT = 20;

/** What mongo-java-server will not write, though MongoDB does. */
const STUCK_IN_STAND_IN: readonly string[] = ['docs-numeric'];
const STUCK =
  'The stand-in takes two decimals that are equal as doubles for one and writes nothing. What is written is read back, so it shows.';

export async function runDemo(story: Story, options: DemoOptions): Promise<void> {
  const { rows, seed, signal } = options;
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-demo-'));
  let servers: DemoServers | undefined;
  let native: (Native & { close(): Promise<void> }) | undefined;
  try {
    servers = await start(story);
    stopIfAsked(signal);
    await seedServers(story, servers, rows, seed);
    stopIfAsked(signal);
    native = await connectNative(servers.targets, { rows, seed });
    const config = await configOf(servers, folder);
    await new Demo(story, { ...options, standIn: servers.docs.standIn }, config, native).run();
    tellVerdict(story, started);
    if (options.keep) await keepRunning(story, servers, folder, signal);
  } finally {
    await native?.close();
    await servers?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function start(story: Story): Promise<DemoServers> {
  story.step('Start servers');
  const started = performance.now();
  const servers = await startServers((line) => story.lines([story.colours.dim(line)]));
  const { source, backup, docs } = servers;
  story.done(`source: ${source.version}, the truth`);
  story.done(`backup: ${backup.version}, rows in snake_case`);
  const standIn = docs.standIn ? '. It is a stand-in that speaks MongoDB’s protocol, not MongoDB itself' : '';
  story.done(`docs: ${docs.version}, documents in camelCase${standIn}`, started);
  return servers;
}

async function seedServers(story: Story, servers: DemoServers, rows: number, seed: number): Promise<void> {
  story.step('Fill them with the same rows');
  const started = performance.now();
  // Without unique indexes on the copies, as many a grown system has them: only so can a key stand twice.
  await seedGeoriesgo(servers.targets, { rows, seed, uniqueIndexes: false });
  const counts = TABLES.map((table) => `${number(table.count(rows))} ${table.name}`);
  story.done(`${listed(counts)}, seed ${seed}`, started);
}

async function configOf(servers: DemoServers, folder: string): Promise<Config> {
  const config = parseConfig(await configText(STORES), 'plumbline.yaml', environmentOf(servers.targets));
  return { ...config, folder: join(folder, '.plumbline') };
}

interface TaleOptions extends DemoOptions {
  readonly standIn: boolean;
}

class Demo {
  private readonly story: Story;
  private readonly options: TaleOptions;
  private readonly config: Config;
  private readonly native: Native;

  constructor(story: Story, options: TaleOptions, config: Config, native: Native) {
    this.story = story;
    this.options = options;
    this.config = config;
    this.native = native;
  }

  async run(): Promise<void> {
    const { story } = this;
    story.step('Check before anything has happened');
    await this.expectInSync('every record of every replica is found equal, and nothing is found');

    const planted = await this.plant();
    const found = await this.find(planted);
    await this.repairRefused(found);
    const left = await this.repair(planted, found);
    await this.overwriteAhead(left);
    await this.mendByHand(left);

    story.step('Check once more');
    await this.expectInSync('all copies are true again');
    await this.repairNothing();
  }

  private async plant(): Promise<readonly PlantedDamage[]> {
    const { story, native } = this;
    story.step('Damage the copies behind plumbline’s back, with the native drivers');
    const started = performance.now();
    const planted: PlantedDamage[] = [];
    // Last, for they heal by themselves within the second.
    const order = [...DAMAGES].sort((a, b) => Number(a.expect === 'in flight') - Number(b.expect === 'in flight'));
    for (const replica of new Set(DAMAGES.map((damage) => damage.replica))) {
      const names = (harmless: boolean) =>
        order
          .filter((damage) => damage.replica === replica && damage.harmless === harmless)
          .map((damage) => damage.name.replace(/^(backup|docs)-(harmless-)?/, ''));
      if (names(false).length > 0) story.list(`${replica}: ${names(false).length}`, names(false));
      if (names(true).length > 0)
        story.list(`${replica}: ${plural(names(true).length, 'harmless look-alike')}`, names(true));
    }
    for (const damage of order) {
      stopIfAsked(this.options.signal);
      planted.push({ damage, planted: await damage.plant(native) });
    }
    const flying = order.filter((damage) => damage.expect === 'in flight').length;
    const count = damagesOnly(planted).length;
    const harmless = order.filter((damage) => damage.harmless).length;
    const words = `${count} damages, ${harmless} look-alikes that are none, and ${flying} changes that are still on their way`;
    story.done(`planted: ${words}`, started);
    return planted;
  }

  private async find(planted: readonly PlantedDamage[]): Promise<Report> {
    const { story } = this;
    story.step('Check: is every damage found, once, by its name, and nothing else?');
    story.command('plumbline check');
    const started = performance.now();
    const report = await this.check();
    const text = await this.show(report);
    await Promise.all(planted.map(({ planted: { settled } }) => settled));
    const findings = await findingsOf(report);
    const { right, wrong, accused, unplanted } = judge(planted, findings);
    const count = damagesOnly(planted).length;
    story.expect(`${right} of ${count} damages are found exactly once, with their class and fields`, wrong, started);
    story.expect('no look-alike and no change in flight is taken for drift', accused);
    story.expect('nothing is found that was not planted', unplanted);
    story.expect('the exit code is 3: records that can’t be read may be right or wrong', exitProblems(report, 3));
    story.expect(
      'a changed password is named as a field and shown nowhere',
      this.passwordProblems(planted, text, findings),
    );
    return report;
  }

  private async repairRefused(found: Report): Promise<void> {
    const { story } = this;
    story.step('Repair, within a limit that is too narrow');
    story.command(`plumbline reconcile --apply --max-rows ${NARROW_LIMIT}`);
    const started = performance.now();
    const report = await this.reconcile({ apply: true, maxRows: NARROW_LIMIT });
    for (const { message, hint } of report.problems) story.say(`${message}. ${hint ?? ''}`);
    story.expect('refused before the first write, exit code 4', exitProblems(report, 4), started);
    const drift = (of: Report) => sum(of, (replica) => driftOf(replica.counts));
    const same = drift(await this.check()) === drift(found);
    story.expect('nothing was written', same ? [] : ['a check now finds another number of damages']);
  }

  /** Returns what is left, by policy or because a server would not. */
  private async repair(planted: readonly PlantedDamage[], found: Report): Promise<readonly PlantedDamage[]> {
    const { story } = this;
    story.step('Repair, and delete orphans, because we say so');
    const lifted = this.liftedPercent(found);
    const flags = lifted === undefined ? '' : ` --max-percent ${lifted}`;
    story.command(`plumbline reconcile --apply --delete-orphans${flags}`);
    let started = performance.now();
    const report = await this.reconcile({ apply: true, deleteOrphans: true, maxPercent: lifted });
    story.lines(repairLines(report, story.width - 3, story.colours));
    const damaged = damagesOnly(planted);
    const stuck = damaged.filter(({ damage }) => this.options.standIn && STUCK_IN_STAND_IN.includes(damage.name));
    const byPolicy = damaged.filter((each) => LEFT[classOf(each)!] !== undefined);
    const left = [...byPolicy, ...stuck];
    this.expectEqual(report, damaged.length - left.length, started);
    for (const [name, why] of Object.entries(LEFT) as [FindingClass, string][]) {
      const count = byPolicy.filter((each) => classOf(each) === name).length;
      if (count > 0) story.say(`left: ${classCount(name, count)}. ${why}.`);
    }
    for (const { damage } of stuck) story.say(`left: ${damage.name}. ${STUCK}`);
    started = performance.now();
    await this.expectOnly(left, `a second look finds these ${left.length} and nothing else`, started);
    return left;
  }

  /** What the limit has to be lifted to; undefined where it is not met. */
  private liftedPercent(found: Report): number | undefined {
    const percents = found.replicas.map(({ counts, sourceRows, replicaRows }) => {
      const writes = counts.missing + counts.stale + counts.mismatched + counts.orphan;
      return (100 * writes) / Math.max(sourceRows ?? 0, replicaRows ?? 0, 1);
    });
    const most = Math.max(...percents);
    return most > this.config.limits.maxPercent ? Math.ceil(most) : undefined;
  }

  private expectEqual(report: Report, wanted: number, started: number): void {
    const equal = sum(report, (replica) => replica.repair?.verified.equal ?? 0);
    const problems = equal === wanted ? [] : [`expected ${wanted}: ${verdictText(report)}`];
    this.story.expect(`${number(equal)} records are written and read back equal`, problems, started);
  }

  private async overwriteAhead(left: readonly PlantedDamage[]): Promise<void> {
    const { story } = this;
    story.step('Overwrite the copies that are ahead, because we say so');
    story.command('plumbline reconcile --apply --overwrite-ahead');
    const started = performance.now();
    const report = await this.reconcile({ apply: true, overwriteAhead: true });
    this.expectEqual(report, left.filter((each) => classOf(each) === 'ahead').length, started);
  }

  private async mendByHand(left: readonly PlantedDamage[]): Promise<void> {
    const { story } = this;
    const rest = left.filter((each) => classOf(each) !== 'ahead');
    story.step('Put the rest right by hand, with the native drivers, as a person would');
    const started = performance.now();
    for (const each of rest) await mend(this.native, each);
    story.done(`mended: ${rest.map(({ damage }) => damage.name).join(', ')}`, started);
  }

  private async repairNothing(): Promise<void> {
    const { story } = this;
    story.step('Repair again: there is nothing to do, so nothing is done');
    story.command('plumbline reconcile --apply --delete-orphans --overwrite-ahead');
    const started = performance.now();
    const report = await this.reconcile({ apply: true, deleteOrphans: true, overwriteAhead: true });
    const writes = sum(
      report,
      ({ repair }) => repair!.planned.insert + repair!.planned.update + repair!.planned.delete,
    );
    const problems = [...exitProblems(report, 0), ...(writes === 0 ? [] : [`${writes} writes were planned`])];
    story.expect('nothing is written, exit code 0', problems, started);
  }

  private async expectInSync(words: string): Promise<void> {
    const { story } = this;
    story.command('plumbline check');
    const started = performance.now();
    const report = await this.check();
    await this.show(report);
    const found = sum(report, (replica) => driftOf(replica.counts) + replica.counts.unread);
    const problems = [...exitProblems(report, 0), ...(found === 0 ? [] : [`${found} findings`])];
    story.expect(`${words}: exit code 0`, problems, started);
  }

  /** A check that finds these damages and nothing else. */
  private async expectOnly(left: readonly PlantedDamage[], words: string, started: number): Promise<void> {
    const { wrong, unplanted } = judge(left, await findingsOf(await this.check()));
    this.story.expect(words, [...wrong, ...unplanted], started);
  }

  private passwordProblems(
    planted: readonly PlantedDamage[],
    text: string,
    findings: readonly Finding[],
  ): readonly string[] {
    const everything = text + JSON.stringify(findings);
    return planted
      .filter(({ damage }) => damage.name.endsWith('user-password'))
      .filter(({ planted: { key } }) => {
        const { password } = seededRow(this.native, tableOf('users'), key);
        return everything.includes(String(password).slice(0, -1));
      })
      .map(({ damage }) => `${damage.name}: its value was shown`);
  }

  private async check(): Promise<Report> {
    return this.watched(() => check(this.config, this.runOptions()));
  }

  private async reconcile(options: RepairOptions): Promise<Report> {
    return this.watched(() => reconcile(this.config, { ...this.runOptions(), ...options }));
  }

  private runOptions() {
    const { signal, onEvent } = this.options;
    return { signal, onEvent };
  }

  private async watched(work: () => Promise<Report>): Promise<Report> {
    const report = await work();
    this.options.beforeTelling();
    stopIfAsked(this.options.signal);
    return report;
  }

  /** Tells the report and returns its text. */
  private async show(report: Report): Promise<string> {
    const { width, colours } = this.story;
    let text = '';
    const io = { width, colour: colours.isColorSupported, findings: () => readFindings(report.folder!) };
    // Told as it would be in the demo's own folder.
    const shown = { ...report, folder: `.plumbline/runs/${report.run}` };
    for await (const piece of renderers.table(shown, io)) text += piece;
    this.story.block(text);
    return text;
  }
}

async function keepRunning(story: Story, servers: DemoServers, folder: string, signal: AbortSignal): Promise<void> {
  const exports = Object.entries(environmentOf(servers.targets)).map(([name, value]) => `export ${name}='${value}'\n`);
  await writeFile(join(folder, 'env'), exports.join(''), { mode: 0o600 });
  await writeFile(join(folder, 'plumbline.yaml'), await configText(STORES));
  story.step('The servers stay until Ctrl-C');
  story.say('In another terminal:');
  story.command(`cd ${folder} && . ./env`);
  story.command('plumbline check');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    // The servers alone do not keep this process alive.
    const alive = setInterval(() => {}, 60_000);
    signal.addEventListener('abort', () => {
      clearInterval(alive);
      resolve();
    });
  });
}

async function findingsOf(report: Report): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for await (const finding of readFindings(report.folder!)) findings.push(finding);
  return findings;
}

function exitProblems(report: Report, wanted: number): readonly string[] {
  if (report.exitCode === wanted) return [];
  const counts = FINDING_CLASSES.map((name) => [name, sum(report, (replica) => replica.counts[name])] as const);
  const found = counts.filter(([, count]) => count > 0).map(([name, count]) => classCount(name, count));
  return [`exit code ${report.exitCode}: ${verdictText(report)}${found.length > 0 ? ` (${found.join(', ')})` : ''}`];
}

function sum(report: Report, of: (replica: Report['replicas'][number]) => number): number {
  return report.replicas.reduce((total, replica) => total + of(replica), 0);
}

function stopIfAsked(signal: AbortSignal): void {
  if (signal.aborted) throw new InterruptedError();
}

/** Whether every claim held. */
function tellVerdict(story: Story, since: number): void {
  const { failures, expected } = story;
  story.step('Verdict');
  if (failures.length === 0) story.done(`all ${expected} expectations held`, since);
  else story.expect(`${plural(failures.length, 'expectation')} of ${expected} did not hold`, [...failures], since);
}
