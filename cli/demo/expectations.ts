// Holds what a check found against what was planted. Pure.

import type { Damage, Planted } from '../../fixtures/georiesgo/damages.ts';
import type { Finding, FindingClass } from '../../src/report/report.ts';

export interface PlantedDamage {
  readonly damage: Damage;
  readonly planted: Planted;
}

export interface Judgement {
  /** Damages that were found as they should be. */
  readonly right: number;
  /** Damages that were not found, found twice, or taken for something else. */
  readonly wrong: readonly string[];
  /** Look-alikes and changes in flight that were taken for drift. */
  readonly accused: readonly string[];
  /** Findings that nobody planted. */
  readonly unplanted: readonly string[];
}

/** Whether each damage is found exactly once with its class and fields, and nothing else is found. */
export function judge(planted: readonly PlantedDamage[], findings: readonly Finding[]): Judgement {
  const found = new Map<string, Finding[]>();
  for (const finding of findings) {
    const record = recordOf(finding.replica, finding.key);
    found.set(record, [...(found.get(record) ?? []), finding]);
  }
  const wrong: string[] = [];
  const accused: string[] = [];
  let right = 0;
  for (const { damage, planted: place } of planted) {
    const record = recordOf(place.replica, place.key);
    const mine = found.get(record) ?? [];
    found.delete(record);
    if (typeof damage.expect === 'string') {
      if (mine.length > 0) accused.push(`${damage.name}: found as ${mine.map(findingWords).join(' and ')}`);
      continue;
    }
    const wanted = expectedWords(damage.expect);
    const words = mine.map(findingWords);
    if (words.length === 1 && words[0] === wanted) right += 1;
    else wrong.push(`${damage.name}: ${words.length === 0 ? 'not found' : words.join(' and ')}, expected ${wanted}`);
  }
  const rest = [...found.values()].flat();
  const unplanted = rest.map(({ replica, key, ...finding }) => `${recordOf(replica, key)}: ${findingWords(finding)}`);
  return { right, wrong, accused, unplanted };
}

/** Damages that a check has to find. */
export function damagesOnly(planted: readonly PlantedDamage[]): readonly PlantedDamage[] {
  return planted.filter(({ damage }) => typeof damage.expect !== 'string');
}

export function classOf({ damage }: PlantedDamage): FindingClass | undefined {
  return typeof damage.expect === 'string' ? undefined : damage.expect.class;
}

function recordOf(replica: string, key: Readonly<Record<string, string>>): string {
  return `${replica} ${JSON.stringify(Object.entries(key).sort())}`;
}

function expectedWords(expected: { readonly class: FindingClass; readonly fields?: readonly string[] }): string {
  return [expected.class, ...[...(expected.fields ?? [])].sort()].join(' ');
}

function findingWords(finding: Pick<Finding, 'class' | 'fields'>): string {
  return [finding.class, ...finding.fields.map((field) => field.name).sort()].join(' ');
}
