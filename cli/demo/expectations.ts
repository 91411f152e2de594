// Holds what a check found against what was planted. Pure.

import type { Finding, FindingClass } from '../../src/report/report.ts';

export interface RecordName {
  /** As plumbline.yaml names it. */
  readonly replica: string;
  /** By source column. */
  readonly key: Readonly<Record<string, string>>;
}

export interface ExpectedFinding extends RecordName {
  readonly class: FindingClass;
  /** Absent for a class that names none. */
  readonly fields?: readonly string[];
  /** What a look-up by the source's key finds, where that is something else. */
  readonly looked?: FindingClass | 'nothing';
}

export interface PlantedDamage {
  readonly name: string;
  /** All that a check has to find of it: nothing of a look-alike, or of what heals by itself. */
  readonly findings: readonly ExpectedFinding[];
  /** Of a look-alike or what heals: where it stands, as far as it is known. */
  readonly innocent?: RecordName;
  /** Resolves when what heals by itself has done so. */
  readonly settled?: Promise<void>;
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
    const record = recordOf(finding);
    found.set(record, [...(found.get(record) ?? []), finding]);
  }
  const takeWords = (place: RecordName) => {
    const record = recordOf(place);
    const words = (found.get(record) ?? []).map(findingWords);
    found.delete(record);
    return words;
  };
  const wrong: string[] = [];
  const accused: string[] = [];
  let right = 0;
  for (const { name, findings: expected, innocent } of planted) {
    const mistakes = expected.flatMap((one) => {
      const wanted = findingWords(one);
      const words = takeWords(one);
      if (words.length === 1 && words[0] === wanted) return [];
      return [`${name}: ${words.length === 0 ? 'not found' : words.join(' and ')}, expected ${wanted}`];
    });
    wrong.push(...mistakes);
    if (expected.length > 0 && mistakes.length === 0) right += 1;
    const words = innocent === undefined ? [] : takeWords(innocent);
    if (words.length > 0) accused.push(`${name}: found as ${words.join(' and ')}`);
  }
  const rest = [...found.values()].flat();
  const unplanted = rest.map((finding) => `${recordOf(finding)}: ${findingWords(finding)}`);
  return { right, wrong, accused, unplanted };
}

/** Damages that a check has to find. */
export function damagesOnly(planted: readonly PlantedDamage[]): readonly PlantedDamage[] {
  return planted.filter(({ findings }) => findings.length > 0);
}

export function findingsIn(planted: readonly PlantedDamage[]): readonly ExpectedFinding[] {
  return planted.flatMap(({ findings }) => findings);
}

/** What is left of the damages when only these findings are. */
export function onlyThose(
  planted: readonly PlantedDamage[],
  isLeft: (finding: ExpectedFinding, name: string) => boolean,
): readonly PlantedDamage[] {
  return damagesOnly(
    planted.map((each) => ({ ...each, findings: each.findings.filter((finding) => isLeft(finding, each.name)) })),
  );
}

/** What is found of the damages where only these records are looked up. */
export function lookedUp(planted: readonly PlantedDamage[], records: ReadonlySet<string>): readonly PlantedDamage[] {
  const inThem = onlyThose(planted, (finding) => finding.looked !== 'nothing' && records.has(recordOf(finding)));
  return inThem.map((each) => ({
    ...each,
    findings: each.findings.map((finding) => {
      const { replica, key, looked } = finding;
      return looked === undefined || looked === 'nothing' ? finding : { replica, key, class: looked };
    }),
  }));
}

export function recordOf({ replica, key }: RecordName): string {
  return `${replica} ${JSON.stringify(Object.entries(key).sort())}`;
}

function findingWords(finding: {
  readonly class: FindingClass;
  readonly fields?: readonly (string | { readonly name: string })[];
}): string {
  // Which of the copies' fields differ depends on which of them is taken for the right one.
  const fields = finding.class === 'duplicate' ? [] : (finding.fields ?? []);
  return [finding.class, ...fields.map((field) => (typeof field === 'string' ? field : field.name)).sort()].join(' ');
}
