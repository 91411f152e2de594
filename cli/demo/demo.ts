// The demo: whatever servers can be had, two systems on them, every known damage planted, found, named and repaired, and each claim
// checked as it is made. Returns the story's failures; an interruption and a source that can't be had are thrown.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { displayWidth, oneLine, padEnd, shorten } from '../../reports/text.ts';
import { listed, plural } from '../../reports/words.ts';
import { InterruptedError } from '../../src/errors.ts';
import type { ActOptions } from './act.ts';
import { failover } from './failover.ts';
import { georiesgo } from './georiesgo.ts';
import { reservas } from './reservas.ts';
import { type ActName, type Servers, type StoreRole, startServers } from './servers.ts';
import type { Story } from './story.ts';
import type { Size, System } from './system.ts';

const SYSTEMS = { georiesgo, reservas, failover } as const;
export const ACTS = Object.keys(SYSTEMS) as readonly ActName[];

export interface DemoOptions extends Size, ActOptions {
  readonly acts: readonly ActName[];
  readonly stores: readonly StoreRole[];
  /** Leave the servers running when the story is over, until the signal fires. */
  readonly keep: boolean;
}

export async function runDemo(story: Story, options: DemoOptions): Promise<void> {
  const { rows, seed, acts, stores, signal } = options;
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'plumbline-demo-'));
  let servers: Servers | undefined;
  try {
    servers = await start(story, acts, stores);
    const systems: System[] = [];
    for (const name of acts) {
      const system = SYSTEMS[name](servers);
      if (system === undefined) continue;
      if (signal.aborted) throw new InterruptedError();
      systems.push(system);
      story.act(system.title);
      await system.play(story, { rows, seed }, { ...options, folder: join(folder, '.plumbline') });
    }
    tellVerdict(story, acts, systems, servers, started);
    if (options.keep) await keepRunning(story, systems, folder, signal);
  } finally {
    await servers?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function start(story: Story, acts: readonly ActName[], stores: readonly StoreRole[]): Promise<Servers> {
  story.step('Start servers');
  const started = performance.now();
  const servers = await startServers(acts, stores, (line) => {
    // What runs is told below, all of it.
    if (!/ ready( after|$)| from PLUMBLINE_/.test(line))
      story.lines([story.colours.dim(shorten(line, story.width - 3))]);
  });
  const all = [...servers.running, ...servers.notRunning];
  if (all.length === 0) {
    story.say('None: this act starts its own.');
    return servers;
  }
  const width = Math.max(...all.map(({ role }) => displayWidth(role)));
  for (const { role, engine, parts } of servers.running) {
    const standIn = engine.standIn ? ', a stand-in' : '';
    const uses = acts.length === 1 ? '' : `, for ${listed(Object.keys(parts))}`;
    story.entry(padEnd(role, width), `${shorten(engine.version, 60)}${standIn}${uses}`);
  }
  for (const { role, kind, reason, hint } of servers.notRunning)
    story.absent(padEnd(role, width), `${kind} does not run: ${shorten(oneLine(reason), 200)}`, hint);
  if (servers.running.some(({ engine }) => engine.standIn))
    story.say('A stand-in speaks the protocol of the real server exactly and behaves mostly as it does.');
  story.done(`${servers.running.length} of ${plural(all.length, 'server')} run`, started);
  return servers;
}

/** Whether every claim held, and what was not tried. */
function tellVerdict(
  story: Story,
  acts: readonly ActName[],
  systems: readonly System[],
  servers: Servers,
  since: number,
): void {
  const { failures, expected } = story;
  story.step('Verdict');
  for (const { role, kind, hint } of servers.notRunning) story.absent(role, `not run: ${kind}`, hint);
  const missing = acts.filter((name) => systems.every((system) => system.name !== name));
  for (const name of missing) story.absent(name, 'not run', 'None of its stores could be started.');
  if (systems.length === 0)
    story.expect('at least one store runs beside the source', ['There was nothing to compare.']);
  const played = systems.map(({ name, stores }) => `${name} with ${listed(stores)}`);
  if (failures.length === 0) story.done(`all ${expected} expectations held: ${played.join('; ')}`, since);
  else story.expect(`${plural(failures.length, 'expectation')} of ${expected} did not hold`, [...failures], since);
}

async function keepRunning(
  story: Story,
  played: readonly System[],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const systems = played.filter(({ environment }) => Object.keys(environment).length > 0);
  const exports = systems.flatMap(({ environment }) =>
    Object.entries(environment).map(([name, value]) => `export ${name}='${value}'\n`),
  );
  await writeFile(join(folder, 'env'), exports.join(''), { mode: 0o600 });
  for (const { name, configText } of systems) await writeFile(join(folder, `${name}.yaml`), await configText());
  story.step('The servers stay until Ctrl-C');
  story.say('In another terminal:');
  story.command(`cd ${folder} && . ./env`);
  for (const { name } of systems) story.command(`plumbline check -c ${name}.yaml`);
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
