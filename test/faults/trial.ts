// One trial: a seed gives a table, its damages, a store, a command and a fault; then the records, read by native drivers, the report, the findings
// and the journal are held against what has to be so. The same seed gives the same trial, as far as the servers and the clock let it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import pg from 'pg';
import { expect, vi } from 'vitest';
import { ConfigError, check, type Report, type RunEvent, type UndoReport } from '../../src/index.ts';
import { keyText } from '../../src/mapping/mapping.ts';
import { sql } from '../databases.ts';
import { foundIn, plant, writeSource } from '../run/planted.ts';
import { columnsIn } from '../run/random-places.ts';
import { type RandomTable, randomTableOf } from '../run/random-tables.ts';
import type { Harness } from '../stores/contract.ts';
import { type FaultyLine, LINE_FAULTS, type LineFault, openFaultyLine } from './faulty-line.ts';
import { pickFullRoom } from './full-room.ts';
import { killAt, pickKillPoint } from './kill.ts';
import { readNativeJournal } from './native-journal.ts';
import {
  keyOf,
  otherValue,
  type PlantedCopy,
  type Policy,
  plantCopies,
  type State,
  withValue,
} from './planted-copy.ts';
import {
  type Command,
  configOf,
  essenceOf,
  findingsOf,
  folderOf,
  makeSite,
  readReport,
  runHere,
  runsIn,
  type Site,
  startRun,
  undoHere,
} from './runs.ts';
import { type Seeded, seeded } from './seeded.ts';
import type { OwnServer, Servers, StoreKind } from './servers.ts';

const LINES = LINE_FAULTS.flatMap((kind) => [`replica: ${kind}`, `source: ${kind}`] as const);
/** Each seed has one of them, in turns: the commoner ones stand here more than once. */
const FAULTS = [
  'plumbline: killed',
  ...LINES.slice(0, 4),
  'run folder: full',
  'plumbline: killed',
  'clock: wrong',
  ...LINES.slice(4),
  'plumbline: killed',
  'replica: newer writes',
  'replica: server killed',
  'plumbline: killed',
  'run folder: full',
  'source: server killed',
  'clock: wrong',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface TrialResult {
  readonly seed: number;
  readonly fault: Fault;
  readonly store: StoreKind;
  readonly command: Command;
  /** `unaffected`: it ended as an undisturbed run; `incomplete`: exit code 3. */
  readonly outcome: 'unaffected' | 'incomplete' | 'killed';
  /** Then it was gone on with, or undone, or both, and all was as it has to be. */
  readonly resumed: boolean;
  readonly undone: boolean;
}

/** Those that start sooner come more often. */
const KINDS: readonly StoreKind[] = [
  ...(['postgres', 'mongodb', 'redis'] as const).flatMap((kind) => [kind, kind, kind, kind]),
  'cassandra',
  'neo4j',
  'oracle',
];
/** The stand-in for MongoDB forgets what it held. */
const KILLABLE: readonly StoreKind[] = ['postgres', 'postgres', 'redis', 'redis', 'cassandra', 'neo4j', 'oracle'];
const COMMANDS: Readonly<Record<string, readonly Command[]>> = {
  default: ['check', 'reconcile', 'reconcile', 'repair', 'rebuild', 'rebuild', 'undo'],
  'clock: wrong': ['check', 'reconcile', 'rebuild'],
  'replica: newer writes': ['reconcile', 'repair'],
};
const ROWS = { min: 20, max: 120 };
const YEAR = 365 * 86_400_000;
const FAR = '2040-01-01T00:00:00.000000Z';
const OUTAGES = [0, 0, 300, 60_000];
const SLOW_MS = 60_000;
/** What is on its way when its sender is killed has arrived by then. */
const ARRIVES_MS = 200;

type Side = 'source' | 'replica';

interface Trial {
  readonly seed: number;
  readonly random: Seeded;
  readonly fault: Fault;
  readonly kind: StoreKind;
  readonly table: RandomTable;
  readonly copy: PlantedCopy;
  readonly site: Site;
  readonly batch: number;
  readonly engine?: OwnServer<unknown>['engine'];
  /** What the records are before the command and after it. */
  readonly from: State;
  readonly to: State;
  readonly undisturbed: Undisturbed;
}

/** The same command on a twin of the copy, and what passed on its lines. */
interface Undisturbed {
  readonly report: Report | UndoReport;
  readonly findings: readonly string[];
  readonly journal: number;
  /** By side, how much had passed when each stage began, and in the end. */
  readonly passed: readonly Readonly<Record<Side, FaultyLine['passed']>>[];
}

/** `folder`: empty, for the trial's runs. Throws where something is not as it has to be. */
export async function runTrial(servers: Servers, seed: number, folder: string): Promise<TrialResult> {
  const trial = await prepare(servers, seed, folder);
  const { fault, kind } = trial;
  const { command } = trial.site;
  const common = { seed, fault, store: kind, command };
  if (fault === 'plumbline: killed') return { ...common, ...(await killed(trial)) };
  if (fault === 'run folder: full') return { ...common, ...(await outOfRoom(trial)) };
  if (fault === 'clock: wrong') return { ...common, ...(await wrongClock(trial)) };
  if (fault === 'replica: newer writes') return { ...common, ...(await newerWrites(trial)) };
  return { ...common, ...(await brokenLine(trial)) };
}

async function prepare(servers: Servers, seed: number, folder: string): Promise<Trial> {
  const random = seeded(seed);
  const fault = FAULTS[seed % FAULTS.length]!;
  const isKilled = fault.endsWith('server killed');
  const kind = random.pick(fault === 'replica: server killed' ? KILLABLE : KINDS);
  const tables = randomTableOf(ROWS).filter(({ versioned }) => versioned || fault !== 'replica: newer writes');
  const table = fc.sample(tables, { seed, numRuns: 1 })[0]!;
  const ownSource = isKilled && fault.startsWith('source') ? await servers.sourceToKill() : undefined;
  const ownStore = isKilled && fault.startsWith('replica') ? await servers.storeToKill(kind) : undefined;
  const source = ownSource?.held ?? (await servers.source());
  await plantSource(source, table);
  const harness: Harness = ownStore?.held ?? (await servers.store(kind, table.way));
  const [copy, twin] = (await plantCopies(harness, table, 2)) as [PlantedCopy, PlantedCopy];

  const policy: Policy = {
    deleteOrphans: random.percent(60),
    overwriteAhead: fault !== 'replica: newer writes' && random.percent(30),
  };
  const picked = random.pick(COMMANDS[fault] ?? COMMANDS.default!);
  const isNothingToDo = copy.findings.length === 0 || isEqual(copy.goal(policy), copy.before);
  const command = isNothingToDo && (picked === 'undo' || picked === 'repair') ? 'reconcile' : picked;
  const batch = random.pick([7, 25, 500]);
  const before = copy.before;
  const goal = command === 'rebuild' ? copy.truth : copy.goal(policy);
  const site = await siteFor(join(folder, 'own'), copy, table, command, policy, source);
  const undisturbed = await leaveAlone(join(folder, 'twin'), twin, table, command, policy, source, batch);
  const [from, to] = command === 'undo' ? [goal, before] : command === 'check' ? [before, before] : [before, goal];
  expectState(await twin.state(), to);
  expectState(await copy.state(), from);
  if ('verdict' in undisturbed.report) expect(undisturbed.report.exitCode).toBe(isEqual(to, copy.truth) ? 0 : 1);
  else expect(undisturbed.report.exitCode).toBe(0);
  const engine = (ownSource ?? ownStore)?.engine;
  return { seed, random, fault, kind, table, copy, site, batch, engine, from, to, undisturbed };
}

async function plantSource(url: string, table: RandomTable): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const planted = table.rows.map((row) => plant(table, row));
  await writeSource(client, table, planted).finally(() => client.end());
}

/** Where the command is to run, with the run that it is about, if it is about one. */
async function siteFor(
  folder: string,
  copy: PlantedCopy,
  table: RandomTable,
  command: Command,
  policy: Policy,
  source: string,
): Promise<Site> {
  const site = await makeSite(folder, copy, table.versioned, command, policy, source);
  if (command !== 'repair' && command !== 'undo') return site;
  const { run } = await runHere({ ...site, command: command === 'repair' ? 'check' : 'reconcile' });
  return { ...site, of: run };
}

async function leaveAlone(
  folder: string,
  twin: PlantedCopy,
  table: RandomTable,
  command: Command,
  policy: Policy,
  source: string,
  batch: number,
): Promise<Undisturbed> {
  const site = await siteFor(folder, twin, table, command, policy, source);
  const lines = {
    source: await openFaultyLine(source),
    replica: await openFaultyLine(site.urls.copies),
  };
  try {
    const urls = { source: lines.source.url, copies: lines.replica.url };
    const passed: Record<Side, FaultyLine['passed']>[] = [];
    const mark = () => passed.push({ source: { ...lines.source.passed }, replica: { ...lines.replica.passed } });
    const onEvent = (event: RunEvent) => {
      if (event.type === 'stage') mark();
    };
    const report = await runHere({ ...site, urls }, { batch, onEvent });
    mark();
    const findings = await findingsOf(site, report.run);
    if (command !== 'undo' && !isBeside(site, twin)) expect(findings).toEqual(twin.findings);
    const journal = await readNativeJournal(folderOf(site, report.run));
    return { report, findings, journal: journal.bytes, passed };
  } finally {
    for (const line of Object.values(lines)) line.close();
  }
}

/** A rebuild that swaps has nothing left to find when it looks at the live records. */
function isBeside({ command }: Site, { harness }: PlantedCopy): boolean {
  return command === 'rebuild' && harness.config?.kind === 'mongodb';
}

type Ended = Pick<TrialResult, 'outcome' | 'resumed' | 'undone'>;

async function brokenLine(trial: Trial): Promise<Ended> {
  const { random, fault, site, batch, undisturbed, engine, copy } = trial;
  const side = fault.startsWith('source') ? 'source' : 'replica';
  const way = random.percent(75) ? 'from server' : 'to server';
  const after = pickByte(
    random,
    undisturbed.passed.map((passed) => passed[side][way]),
  );
  const word = LINE_FAULTS.find((one) => fault.endsWith(one));
  const lasts = word === 'delay' ? 20 + random.below(300) : random.pick(OUTAGES);
  const breaks: LineFault = { kind: word ?? 'cut', way, after, lasts: word === undefined ? 0 : lasts };
  const target = side === 'source' ? site.urls.source : site.urls.copies;
  const line = await openFaultyLine(target, breaks, () => engine?.signal('SIGKILL'));
  let report: Report | UndoReport;
  try {
    const urls = { ...site.urls, [side === 'source' ? 'source' : 'copies']: line.url };
    report = await runHere({ ...site, urls }, { batch });
  } finally {
    line.close();
    if (engine !== undefined) {
      await engine.down();
      await engine.up();
    }
  }
  await vi.waitFor(() => copy.state(), { timeout: SLOW_MS, interval: 100 });
  return afterwards(trial, await judge(trial, report.run, report), report.run);
}

/** Within any of the stages, whose `ends` these are: most of the bytes are of the first ones. */
function pickByte({ pick, below }: Seeded, ends: readonly number[]): number {
  const stages = ends.map((end, i) => [ends[i - 1] ?? 0, end] as const).filter(([begin, end]) => end > begin);
  const [begin, end] = pick(stages);
  return begin + below(end - begin);
}

async function killed(trial: Trial): Promise<Ended> {
  const { random, site, undisturbed, copy } = trial;
  const known = await runsIn(site);
  const point = pickKillPoint(random, undisturbed.journal);
  // Half of what there is to write in the first second: several batches.
  const rate = random.percent(70) ? Math.max(4, copy.findings.length) : undefined;
  // Where answers come late, most of the time is between a write and its answer, and a write may arrive after its sender's end.
  const isSlow = random.percent(70);
  const way = random.pick(['to server', 'from server'] as const);
  const slow: LineFault = {
    kind: 'delay',
    way,
    after: 0,
    lasts: 5 + random.below(30),
    messages: Number.POSITIVE_INFINITY,
  };
  const line = await openFaultyLine(site.urls.copies, isSlow ? slow : undefined);
  const { child, ended } = startRun({ ...site, urls: { ...site.urls, copies: line.url } }, { rate });
  await killAt(child, point, site.folder, known);
  const { code, stdout, stderr } = await ended;
  await unlocked(site.urls.source);
  await sleep(ARRIVES_MS);
  line.close();
  const [run] = (await runsIn(site)).filter((id) => !known.includes(id));
  if (code !== null) {
    expect([0, 1], stderr + stdout).toContain(code);
    return afterwards(trial, await judge(trial, run!, await readReport(site, run!)), run);
  }
  await expectWhole(trial, run);
  return afterwards(trial, 'killed', run);
}

async function outOfRoom(trial: Trial): Promise<Ended> {
  const { random, site, undisturbed } = trial;
  const known = await runsIn(site);
  const room = pickFullRoom(random, site.folder, Math.max(undisturbed.journal, 6000));
  const { code, stdout, stderr } = await startRun(site, { wrapper: room.wrapper }).ended;
  await room.settle();
  const [run] = (await runsIn(site)).filter((id) => !known.includes(id));
  const report = run === undefined ? undefined : await readReport(site, run);
  if (code === undisturbed.report.exitCode && report !== undefined)
    return afterwards(trial, await judge(trial, run!, report), run);
  expect(code, stderr + stdout).toBe(3);
  await expectWhole(trial, run);
  return afterwards(trial, 'incomplete', run);
}

async function wrongClock(trial: Trial): Promise<Ended> {
  const { random, site, undisturbed, copy, table, to } = trial;
  const known = await runsIn(site);
  const env = {
    PLUMBLINE_CLOCK_OFFSET: String(random.pick([-10 * YEAR, -86_400_000, 0, 86_400_000, 10 * YEAR])),
    PLUMBLINE_CLOCK_JUMP: String(random.pick([0, -3_600_000, 3_600_000, -YEAR, YEAR])),
    PLUMBLINE_CLOCK_READINGS: String(random.below(300)),
  };
  const preload = join(import.meta.dirname, 'shifted-clock.mjs');
  const { code, stdout, stderr } = await startRun(site, { env, preload }).ended;
  const [run] = (await runsIn(site)).filter((id) => !known.includes(id));
  expect(code, stderr + stdout).toBe(undisturbed.report.exitCode);
  expect(await judge(trial, run!, await readReport(site, run!))).toBe('unaffected');
  if (table.versioned) await expectWindow(trial, env, preload);
  // What an application writes after us must not be taken for older than what we wrote.
  for (const row of site.command === 'check' ? [] : table.rows.filter(({ fate }) => fate !== 'kept').slice(0, 5)) {
    const other = otherValue(copy.harness, table, row);
    const key = keyText(keyOf(row));
    const held = to.get(key);
    if (other === undefined || held === undefined || JSON.parse(held)[other.index] === null) continue;
    await copy.place.set(keyOf(row), other.index, other.value);
    expect((await copy.state()).get(key)).toBe(withValue(held, other.index, other.value));
  }
  return { outcome: 'unaffected', resumed: false, undone: false };
}

/** A window is cut by the source's clock: rows of the beginning of 2026 are in one of ten years and not in one of an hour, whatever ours says. */
async function expectWindow({ site, copy, to }: Trial, env: Readonly<Record<string, string>>, preload: string) {
  const reports = [];
  for (const since of ['1h', '3650d']) {
    const looking = { ...site, command: 'check' as const };
    const { stdout } = await startRun(looking, { env, preload, words: ['--since', since] }).ended;
    reports.push(JSON.parse(stdout) as Report);
  }
  const [none, all] = reports.map(({ replicas }) => replicas[0]!.sourceRows);
  expect(none).toBe(0);
  expect(all).toBe(copy.truth.size);
  expect(reports[1]!.exitCode).toBe([...copy.truth].every(([key, value]) => to.get(key) === value) ? 0 : 1);
}

async function newerWrites(trial: Trial): Promise<Ended> {
  const { random, site, batch, copy, table, from, to } = trial;
  const version = columnsIn(copy.harness, table).length - 1;
  const rows = table.rows.filter(({ fate }) => fate === 'kept' || fate === 'changed' || fate === 'stale');
  const chosen = rows.filter(() => random.percent(30));
  const waits = chosen.map(() => random.below(60));
  const writing: Promise<unknown>[] = [];
  const onEvent = (event: RunEvent) => {
    if (writing.length > 0 || event.type !== 'stage' || event.stage !== 'repair') return;
    chosen.forEach((row, i) => {
      writing.push(sleep(waits[i]).then(() => copy.place.set(keyOf(row), version, FAR)));
    });
  };
  const report = await runHere(site, { batch, onEvent });
  await Promise.all(writing);
  const newer = new Set(writing.length === 0 ? [] : chosen.map((row) => keyText(keyOf(row))));
  expect([0, 1]).toContain(report.exitCode);
  const expectNewer = (state: State) => {
    for (const [key, value] of state) {
      const allowed = [from.get(key), to.get(key)].flatMap((one) => (one === undefined ? [] : [one]));
      expect(newer.has(key) ? allowed.map((one) => withValue(one, version, FAR)) : allowed).toContain(value);
    }
    for (const key of newer) expect(state.has(key)).toBe(true);
  };
  expectNewer(await copy.state());
  const { keys } = await readNativeJournal(folderOf(site, report.run));
  if (keys.size === 0) return { outcome: 'unaffected', resumed: false, undone: false };
  await undoHere(site, report.run);
  const state = await copy.state();
  expectNewer(state);
  for (const key of new Set([...from.keys(), ...state.keys()]))
    if (!newer.has(key)) expect(state.get(key)).toBe(from.get(key));
  return { outcome: 'unaffected', resumed: false, undone: true };
}

/** Whether the run ended as an undisturbed one, which is then asserted in full, or says that it did not come to its end. */
async function judge(
  trial: Trial,
  run: string,
  report: Report | UndoReport | undefined,
): Promise<'unaffected' | 'incomplete'> {
  const { site, copy, to, undisturbed } = trial;
  expect(report).toBeDefined();
  expect([undisturbed.report.exitCode, 3]).toContain(report!.exitCode);
  await expectWhole(trial, run);
  if (report!.exitCode === 3) return 'incomplete';
  expectState(await copy.state(), to);
  if ('verdict' in report!) {
    expect(essenceOf(report)).toEqual(essenceOf(undisturbed.report as Report));
    expect(await findingsOf(site, run)).toEqual(undisturbed.findings);
  }
  return 'unaffected';
}

/**
 * Nothing lost, nothing invented, nothing half-written; every change in the journal, and no record written twice; no finding of what is not so.
 * `run` is undefined where it was stopped before it had a folder.
 */
async function expectWhole({ copy, site, from, to, undisturbed }: Trial, run: string | undefined): Promise<void> {
  const state = await copy.state();
  for (const key of new Set([...from.keys(), ...to.keys(), ...state.keys()]))
    expect([from.get(key), to.get(key)]).toContain(state.get(key));
  const changed = [...state.keys(), ...from.keys()].filter((key) => state.get(key) !== from.get(key));
  if (run === undefined) {
    expect(changed).toEqual([]);
    return;
  }
  const { keys, written } = await readNativeJournal(folderOf(site, run));
  const recorded = new Set([...keys].map((key) => keyText(JSON.parse(key))));
  expect(changed.filter((key) => !recorded.has(key))).toEqual([]);
  expect([...written].filter(([, times]) => times > 1)).toEqual([]);
  for (const key of written.keys()) {
    const text = keyText(JSON.parse(key));
    expect(state.get(text)).toBe(to.get(text));
  }
  // Readers see the old records or the new ones.
  if (isBeside(site, copy) && changed.length > 0) expectState(state, to);
  const allowed = new Set([...copy.findings, ...undisturbed.findings]);
  expect((await findingsOf(site, run)).filter((finding) => !allowed.has(finding))).toEqual([]);
}

/**
 * Goes on with the run, or undoes what it did, or both; then all has to be as if nothing had happened. `stopped` is undefined where it was stopped
 * before it had a folder.
 */
async function afterwards(trial: Trial, outcome: TrialResult['outcome'], stopped: string | undefined): Promise<Ended> {
  const { site, random, copy, from, to } = trial;
  const { command } = site;
  let run = stopped;
  if (command === 'undo') {
    if (outcome !== 'unaffected') expect(await runHere(site)).toMatchObject({ exitCode: 0 });
    expectState(await copy.state(), to);
    await expectFound(trial, copy.findings);
    return { outcome, resumed: false, undone: true };
  }
  const goesOn = outcome !== 'unaffected' && (command === 'check' || random.percent(60));
  if (goesOn) run = await goOn(trial, run);
  const isBack =
    command !== 'check' && run !== undefined && (!goesOn || random.percent(50)) && (await isUndone(site, run));
  const expected = isBack || (outcome !== 'unaffected' && !goesOn) ? from : to;
  expectState(await copy.state(), expected);
  if (isBack) await expectFound(trial, copy.findings);
  return { outcome, resumed: goesOn, undone: isBack };
}

/** Goes on until it ends, whatever kills it meanwhile, and compares with the undisturbed run. Returns the run. */
async function goOn(trial: Trial, stopped: string | undefined): Promise<string> {
  const { random, site, fault, undisturbed, copy, to } = trial;
  let run = stopped;
  // Each process may be killed as well.
  for (
    let kills = fault === 'plumbline: killed' ? random.below(3) : 0;
    kills > 0 && (await isStopped(site, run));
    kills--
  ) {
    const known = (await runsIn(site)).filter((id) => id !== run);
    const { child, ended } = startRun(site, { resume: run });
    await killAt(child, pickKillPoint(random, undisturbed.journal), site.folder, known);
    await ended;
    await unlocked(site.urls.source);
    await expectWhole(trial, run);
  }
  if (await isStopped(site, run)) {
    const { code, stdout, stderr } = await startRun(site, { resume: run }).ended;
    expect(code, stderr + stdout).toBe(undisturbed.report.exitCode);
  } else if (run === undefined || (await readReport(site, run)) === undefined) {
    // It was stopped before it had begun.
    run = (await runHere(site)).run;
  }
  const report = (await readReport(site, run!)) as Report;
  expect(essenceOf(report)).toEqual(essenceOf(undisturbed.report as Report));
  expect(await findingsOf(site, run!)).toEqual(undisturbed.findings);
  expectState(await copy.state(), to);
  await expectWhole(trial, run);
  return run!;
}

/** Whether there is something to go on with. */
async function isStopped(site: Site, run: string | undefined): Promise<boolean> {
  if (run === undefined) return false;
  const text = await readFile(join(folderOf(site, run), 'run.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const report = await readReport(site, run);
  return JSON.parse(text).endedAt === undefined || report === undefined || report.exitCode === 3;
}

/** Undoes the run; false where it has written nothing. */
async function isUndone(site: Site, run: string): Promise<boolean> {
  const { keys } = await readNativeJournal(folderOf(site, run));
  if (keys.size === 0) {
    await expect(undoHere(site, run)).rejects.toThrow(ConfigError);
    return false;
  }
  expect(await undoHere(site, run)).toMatchObject({ exitCode: 0, problems: [] });
  return true;
}

async function expectFound({ site }: Trial, findings: readonly string[]): Promise<void> {
  const report = await check(configOf(site), { keep: false, shown: 1000 });
  expect(report.problems).toEqual([]);
  expect(foundIn(report)).toEqual(findings);
}

/** The locks of a process that was killed are gone as soon as the server has noticed. */
async function unlocked(source: string): Promise<void> {
  const held = `select count(*)::int as held from pg_locks join pg_database on pg_locks.database = pg_database.oid
    where locktype = 'advisory' and datname = current_database()`;
  await vi.waitFor(async () => expect(await sql(source, held)).toEqual([{ held: 0 }]), { timeout: SLOW_MS });
}

function expectState(state: State, expected: State): void {
  expect(Object.fromEntries(state)).toEqual(Object.fromEntries(expected));
}

function isEqual(a: State, b: State): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
