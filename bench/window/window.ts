// A check of the last seven days of reservas, whose cost should be that of the window: the same rows in it, of few
// reservations and of many. Runs in a process of its own.

import { readFile } from 'node:fs/promises';
import { parseDocument, type YAMLMap } from 'yaml';
import { fixturePath } from '../../fixtures/reservas/paths.ts';
import { type Config, check, parseConfig } from '../../src/index.ts';
import { secondsSince } from '../variants.ts';
import { problemsOf, WrongAnswer } from '../wrong-answer.ts';
import { WINDOW_MS } from './rows.ts';

/** Where the rows of one scale stand. */
export interface WindowPlace {
  readonly source: string;
  readonly analytics: string;
  readonly docs: string;
  /** What the check has to say that it looked up, by replica. */
  readonly looked: Readonly<Record<string, number>>;
}

export interface WindowJob {
  readonly variant: 'window';
  readonly place: WindowPlace;
  /** What the process warms up with. */
  readonly warmUp: WindowPlace;
}

const STORES: readonly string[] = ['analytics', 'docs'];
const ENTITIES: readonly string[] = ['reserva', 'resena', 'host_statistics'];

/** Seconds. */
export async function checkWindow(place: WindowPlace): Promise<number> {
  const started = performance.now();
  const report = await check(await configOf(place), { keep: false, since: WINDOW_MS });
  const seconds = secondsSince(started);
  const said = Object.fromEntries(report.replicas.map(({ name, sourceRows }) => [name, sourceRows]));
  const isRight = Object.entries(place.looked).every(([name, rows]) => said[name] === rows);
  if (report.exitCode !== 0 || !isRight) {
    const wanted = JSON.stringify(place.looked);
    throw new WrongAnswer(
      `window: exit ${report.exitCode}, ${JSON.stringify(said)} instead of ${wanted}${problemsOf(report)}`,
    );
  }
  return seconds;
}

/** The fixture's own, without the graph and the cache. */
async function configOf({ source, analytics, docs }: WindowPlace): Promise<Config> {
  const document = parseDocument(await readFile(fixturePath('plumbline.yaml'), 'utf8'));
  keepOnly(document.get('stores') as YAMLMap<{ value: string }>, STORES);
  const entities = document.get('entities') as YAMLMap<{ value: string }, YAMLMap>;
  keepOnly(entities, ENTITIES);
  for (const { value: entity } of entities.items) {
    const touches = entity!.get('touches') as YAMLMap<{ value: string }> | undefined;
    if (touches !== undefined) keepOnly(touches, ENTITIES);
  }
  return parseConfig(document.toString({ lineWidth: 0 }), 'bench.yaml', {
    RESERVAS_SOURCE_URL: source,
    RESERVAS_ANALYTICS_URL: analytics,
    RESERVAS_DOCS_URL: docs,
    RESERVAS_DOCS_DATABASE: new URL(docs).pathname.slice(1),
  });
}

function keepOnly(map: YAMLMap<{ value: string }>, names: readonly string[]): void {
  map.items = map.items.filter(({ key }) => names.includes(key.value));
}
