// A seeded georiesgo on databases of the test's own: config, native connections, and what a check of it says.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configText, environmentOf, storesOf } from '../../fixtures/georiesgo/config.ts';
import { connectNative, type Damage, damagesOf, type Native, type Planted } from '../../fixtures/georiesgo/damages.ts';
import { seedGeoriesgo } from '../../fixtures/georiesgo/seed.ts';
import { STORE_NAMES, type StoreName, type Targets } from '../../fixtures/georiesgo/stores.ts';
import { type Config, check, parseConfig, type Report, type RunOptions } from '../../src/index.ts';
import type { Finding } from '../../src/report/report.ts';
import { freshCassandra, freshMongo, freshOracle, freshPostgres } from '../databases.ts';

export interface Georiesgo {
  readonly config: Config;
  readonly native: Native;
  readonly urls: Targets;
  readonly damages: readonly Damage[];
  close(): Promise<void>;
}

export interface GeoriesgoOptions {
  readonly uniqueIndexes?: boolean;
  /** Default all; PostgreSQL and MongoDB are always among them. */
  readonly stores?: readonly StoreName[];
  /** Where its queue is; default: it has none. */
  readonly jobs?: Targets['jobs'];
  /** The server of the source; default: the shared one. */
  readonly server?: string;
  /** The file that takes writes while the source is down; default: it has no contingency. */
  readonly contingencyFile?: string;
  /** Where the runs are; default: beside the temporary config. */
  readonly folder?: string;
}

export async function openGeoriesgo(
  rows: number,
  { uniqueIndexes, stores = STORE_NAMES, jobs, server, contingencyFile, folder = tmpdir() }: GeoriesgoOptions = {},
): Promise<Georiesgo> {
  const targets = {
    source: await freshPostgres('18', server),
    postgres: await freshPostgres('15'),
    mongodb: freshMongo(),
    oracle: stores.includes('legacy') ? freshOracle() : undefined,
    cassandra: stores.includes('analytics') ? await freshCassandra() : undefined,
    jobs,
    contingencyFile,
  };
  const seed = 7;
  await seedGeoriesgo(targets, { rows, seed, uniqueIndexes });
  const native = await connectNative(targets, { rows, seed });
  const text = await configText(storesOf(targets), jobs !== undefined, contingencyFile !== undefined);
  const config = parseConfig(text, join(folder, 'plumbline.yaml'), environmentOf(targets));
  return { config, native, urls: targets, damages: damagesOf(storesOf(targets)), close: () => native.close() };
}

/** Checks without leaving anything on disk, with every finding in the report. */
export function checkAll(config: Config, options: RunOptions = {}): Promise<Report> {
  return check(config, { keep: false, shown: 10_000, ...options });
}

export function findingsOf(report: Report): readonly Finding[] {
  return report.replicas.flatMap((replica) => replica.findings);
}

/** What a report has to say of planted damages, in the words of `foundWords`. */
export function expectedWords(planted: readonly { readonly damage: Damage; readonly planted: Planted }[]): string[] {
  return planted
    .flatMap(({ damage, planted: { replica, key } }) => {
      if (typeof damage.expect === 'string') return [];
      const { class: found, fields } = damage.expect;
      return [words(replica, found, key, fields ?? [])];
    })
    .sort();
}

export function foundWords(report: Report): string[] {
  return findingsOf(report)
    .map((finding) =>
      words(
        finding.replica,
        finding.class,
        finding.key,
        finding.class === 'duplicate' ? [] : finding.fields.map((field) => field.name),
      ),
    )
    .sort();
}

function words(
  replica: string,
  found: string,
  key: Readonly<Record<string, string>>,
  fields: readonly string[],
): string {
  return `${replica} ${found} ${JSON.stringify(Object.entries(key).sort())} ${[...fields].sort().join(',')}`;
}
