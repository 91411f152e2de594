// Runs probes as `health` does, at a time of the test's choice.

import { join } from 'node:path';
import type { ProbeReport } from '../../../src/health/health-report.ts';
import { probeKinds } from '../../../src/health/probe-kinds.ts';
import { runProbes } from '../../../src/health/run-probes.ts';
import { Servers } from '../../../src/health/servers.ts';
import { parseConfig } from '../../../src/index.ts';
import { storeKinds } from '../../../src/stores/registry.ts';

export interface Asked {
  readonly probes: { readonly [name: string]: object };
  readonly stores?: { readonly [name: string]: object };
  /** What the variables stand for. */
  readonly env: { readonly [name: string]: string };
  /** Of the config file. */
  readonly folder: string;
  readonly now: Date;
}

/** `${NAME}`, as the file has it. */
export const variable = (name: string) => ['$', '{', name, '}'].join('');

/** The source's URL is the variable SOURCE. */
export function fileWith(probes: object, stores: object = {}): string {
  return JSON.stringify({
    source: { url: variable('SOURCE') },
    stores,
    entities: { things: { table: 'things', touches: {} } },
    health: { probes },
  });
}

export async function askProbes({ probes, stores, env, folder, now }: Asked): Promise<readonly ProbeReport[]> {
  const config = parseConfig(fileWith(probes, stores), join(folder, 'plumbline.yaml'), env);
  const definitions = storeKinds();
  const servers = new Servers(config, definitions);
  const kinds = new Map([...probeKinds(definitions)].map(([kind, { definition }]) => [kind, definition]));
  try {
    return await runProbes(config.health.probes, { config, kinds, servers, now });
  } finally {
    await servers.close();
  }
}

/** Of a report: what is not ok, by subject, with its words. */
export function wrongIn({ readings }: ProbeReport): { [subject: string]: string } {
  return Object.fromEntries(
    readings.flatMap(({ status, subject, message }) => (status === 'ok' ? [] : [[subject!, `${status}: ${message}`]])),
  );
}
