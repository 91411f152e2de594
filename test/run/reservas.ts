// A seeded reservas on parts of the servers that are the test's own: config, native connections, and what a check of it says.

import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectNative,
  type Damage,
  damagesIn,
  type ExpectedFinding,
  type Native,
} from '../../fixtures/reservas/damages.ts';
import { fixturePath } from '../../fixtures/reservas/paths.ts';
import { type SeedOptions, seedReservas } from '../../fixtures/reservas/seed.ts';
import type { Targets } from '../../fixtures/reservas/targets.ts';
import { type Config, type Finding, parseConfig, type Report } from '../../src/index.ts';
import { freshReservas } from '../fixtures/reservas-targets.ts';

export interface Reservas {
  readonly config: Config;
  readonly native: Native;
  readonly targets: Targets;
  readonly damages: readonly Damage[];
  /** What a report has found, by the replicas' names in plumbline.yaml. */
  plainFindings(report: Report): readonly Finding[];
  /** The same in the words of `expectedWords`. */
  foundWords(report: Report): string[];
  close(): Promise<void>;
}

/** `maxLag`: what the config allows a replica; where nothing is under way, a test need not wait for long. */
export async function openReservas(options: SeedOptions = {}, maxLag = '300ms'): Promise<Reservas> {
  const targets = await freshReservas();
  const seeded = await seedReservas(targets, options);
  const native = await connectNative(targets, seeded);
  return {
    config: await configOf(targets, maxLag),
    native,
    targets,
    damages: damagesIn(native.data),
    plainFindings: (report) => plainFindings(report, targets),
    foundWords: (report) => plainFindings(report, targets).map(foundWords).sort(),
    close: async () => {
      await native.docs.dropDatabase();
      await native.close();
    },
  };
}

/** As plumbline.yaml, with the names that are the test's own. */
async function configOf({ source, analytics, docs, graph, cache }: Targets, maxLag: string): Promise<Config> {
  const text = (await readFile(fixturePath('plumbline.yaml'), 'utf8'))
    .replace(/\b(target|label): (User|Usuario|City|BOOKED_IN|INTERACCIONES)\b/g, `$1: ${graph.prefix}$2`)
    .replace(/\bmaxLag: 2s\b/g, `maxLag: ${maxLag}`)
    .replace(/\b(target|entries): (search_keys|search):/g, `$1: ${cache.prefix}$2:`);
  return parseConfig(text, join(tmpdir(), 'plumbline.yaml'), {
    RESERVAS_SOURCE_URL: source,
    RESERVAS_ANALYTICS_URL: analytics,
    RESERVAS_DOCS_URL: docs,
    RESERVAS_DOCS_DATABASE: new URL(docs).pathname.slice(1),
    RESERVAS_GRAPH_URL: graph.url,
    RESERVAS_CACHE_URL: cache.url,
  });
}

/** What a report has to say. With `windowed`, only records in it are looked up, where the source says that they stand. */
export function expectedWords(
  findings: readonly ExpectedFinding[],
  windowed?: (finding: ExpectedFinding) => boolean,
): string[] {
  return findings
    .flatMap(({ replica, class: found, key, fields = [], looked = found }) => {
      if (windowed === undefined) return [words(replica, found, key, fields)];
      const finding = { replica, class: found, key };
      if (looked === 'nothing' || !windowed(finding)) return [];
      return [words(replica, looked, key, looked === found ? fields : [])];
    })
    .sort();
}

function plainFindings(report: Report, { graph, cache }: Targets): readonly Finding[] {
  return report.replicas
    .flatMap((replica) => replica.findings)
    .map((finding) => ({
      ...finding,
      replica: finding.replica.replace(`.${graph.prefix}`, '.').replace(`.${cache.prefix}`, '.'),
    }));
}

function foundWords({ replica, class: found, key, fields }: Finding): string {
  return words(replica, found, key, found === 'duplicate' ? [] : fields.map(({ name }) => name));
}

function words(
  replica: string,
  found: string,
  key: Readonly<Record<string, string>>,
  fields: readonly string[],
): string {
  return `${replica} ${found} ${JSON.stringify(Object.entries(key).sort())} ${[...fields].sort().join(',')}`;
}
