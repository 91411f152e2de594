// A seeded georiesgo on databases of the test's own: config, native connections, and what a check of it says.

import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectNative, type Damage, type Native, type Planted } from '../../fixtures/georiesgo/damages.ts';
import { fixturePath } from '../../fixtures/georiesgo/paths.ts';
import { seedGeoriesgo } from '../../fixtures/georiesgo/seed.ts';
import { type Config, check, parseConfig, type Report, type RunOptions } from '../../src/index.ts';
import type { Finding } from '../../src/report/report.ts';
import { freshMongo, freshPostgres } from '../databases.ts';

export interface Georiesgo {
  readonly config: Config;
  readonly native: Native;
  readonly urls: { readonly source: string; readonly postgres: string; readonly mongodb: string };
  close(): Promise<void>;
}

export async function openGeoriesgo(rows: number, uniqueIndexes = true): Promise<Georiesgo> {
  const urls = { source: await freshPostgres('18'), postgres: await freshPostgres('15'), mongodb: freshMongo() };
  const seed = 7;
  await seedGeoriesgo(urls, { rows, seed, uniqueIndexes });
  const native = await connectNative(urls, { rows, seed });
  const text = await readFile(fixturePath('plumbline.yaml'), 'utf8');
  const config = parseConfig(text, join(tmpdir(), 'plumbline.yaml'), {
    GEORIESGO_SOURCE_URL: urls.source,
    GEORIESGO_BACKUP_URL: urls.postgres,
    GEORIESGO_DOCS_URL: urls.mongodb,
    GEORIESGO_DOCS_DATABASE: new URL(urls.mongodb).pathname.slice(1),
  });
  return { config, native, urls, close: () => native.close() };
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
    .flatMap(({ damage, planted: { key } }) => {
      if (typeof damage.expect === 'string') return [];
      const { class: found, fields } = damage.expect;
      return [words(damage.replica, found, key, fields ?? [])];
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
