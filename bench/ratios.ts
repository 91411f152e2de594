// From the measurements to what is promised: ratios and peaks with their goals. No I/O.

import { GOAL_ROWS, type StoreKind } from './copies.ts';
import { EMPTY_KINDS, nameOf, reladiffName } from './kind.ts';
import type { Part } from './options.ts';
import { RELADIFF_THREADS } from './reladiff.ts';
import { type Memory, peakAbove, peakGrowth, type Ratio, ratioOf, type Series } from './series.ts';
import { threadsName } from './threads.ts';
import { aloneName, type Manner, TOGETHER_KINDS, togetherName } from './together.ts';
import { type Scales, windowName } from './window/measure-window.ts';

interface Goals {
  /** A check against a drain by the official driver. */
  readonly check: string;
  /** A check of a drifted copy against one of an equal copy. */
  readonly drift: string;
  /** A repair against a bare bulk write. */
  readonly repair: string;
}

/** Absent: only a stand-in runs here, whose ratios are reported. */
const GOALS: Readonly<Partial<Record<StoreKind, Goals>>> = {
  mongodb: { check: '<= 0.6', drift: '<= 1.3', repair: '<= 1.5' },
  postgres: { check: '<= 0.15', drift: '<= 1.3', repair: '<= 1.5' },
  cassandra: { check: '<= 0.6', drift: '<= 1.3', repair: '<= 1.5' },
  neo4j: { check: '<= 0.8', drift: '<= 1.3', repair: '<= 1.5' },
  redis: { check: '<= 1.0', drift: '<= 1.3', repair: '<= 1.5' },
};
const TOGETHER_GOAL = '<= 1.2';
const WINDOW_GOAL = '<= 1.3';

/** Those of a part that have been measured. */
export function ratiosOf(part: Part, series: Series, scales: Scales): readonly Ratio[] {
  const ratio: MakeRatio = (name, goal, above, ...below) => {
    const value = ratioOf(series, above, ...below);
    return value === undefined ? [] : [{ name, ratio: value, goal }];
  };
  if (part === 'together') return togetherRatios(ratio);
  if (part === 'threads')
    return ratio('two replicas of JSON, 1 worker thread / none', undefined, threadsName(1), threadsName(0));
  if (part === 'window') return windowRatios(ratio, scales);
  return [...storeRatios(ratio, part), ...(part === 'postgres' ? peerRatios(ratio) : [])];
}

/** None where one of the measurements is missing. */
type MakeRatio = (name: string, goal: string | undefined, above: string, ...below: string[]) => readonly Ratio[];

function storeRatios(ratio: MakeRatio, kind: StoreKind): readonly Ratio[] {
  const goals = GOALS[kind];
  const [equal, drifted] = [nameOf(kind, 'check', 'equal'), nameOf(kind, 'check', 'drifted')];
  const [repair, bulkWrite] = [nameOf(kind, 'repair', 'drifted'), nameOf(kind, 'bulk write', 'drifted')];
  return [
    ...ratio(`${kind} check / drain`, goals?.check, equal, nameOf(kind, 'drain', 'equal')),
    ...ratio(`${kind} drift / equal`, goals?.drift, drifted, equal),
    ...ratio(`${kind} repair / bulk write`, goals?.repair, repair, bulkWrite),
  ];
}

function peerRatios(ratio: MakeRatio): readonly Ratio[] {
  return RELADIFF_THREADS.flatMap((threads) => {
    const [equal, drifted] = [reladiffName('equal', threads), reladiffName('drifted', threads)];
    const peer = equal.replace(/, equal$/, '');
    return [
      ...ratio(`${peer} / postgres check, equal`, '>= 8', equal, nameOf('postgres', 'check', 'equal')),
      ...ratio(`${peer} / postgres check, drift`, '>= 15', drifted, nameOf('postgres', 'check', 'drifted')),
    ];
  });
}

function togetherRatios(ratio: MakeRatio): readonly Ratio[] {
  const overTheSlowest = (manner: Manner, alone: Manner) =>
    ratio(
      `${togetherName(manner)} / the slowest alone`,
      TOGETHER_GOAL,
      togetherName(manner),
      ...TOGETHER_KINDS.map((kind) => aloneName(kind, alone)),
    );
  const [usual, other] = [togetherName('as usual'), togetherName('other threads')];
  return [
    ...overTheSlowest('as usual', 'as usual'),
    ...overTheSlowest('over lines', 'over lines'),
    ...ratio(`${other} / as usual`, undefined, other, usual),
  ];
}

function windowRatios(ratio: MakeRatio, { few, many }: Scales): readonly Ratio[] {
  const name = `7-day window: ${many.toLocaleString('en')} / ${few.toLocaleString('en')} reservations`;
  return ratio(name, WINDOW_GOAL, windowName(many), windowName(few));
}

/** Of the kinds where an empty replica is checked too. */
export function memoryOf(part: Part, series: Series, rowsOf: (kind: StoreKind) => number): readonly Memory[] {
  return EMPTY_KINDS.filter((kind) => kind === part).flatMap((kind) => {
    // 64 bytes a row; below the goals' million what a process needs anyway would be larger than that.
    const goal = `<= ${Math.ceil((64 * Math.max(rowsOf(kind), GOAL_ROWS)) / 1e6)}`;
    return (['equal', 'drifted', 'empty'] as const).flatMap((copy) => {
      const name = nameOf(kind, 'check', copy);
      const values = {
        [`${name} - drain`]: peakAbove(series, name, nameOf(kind, 'drain', 'equal')),
        [`${name} - warm-up`]: peakGrowth(series, name),
      };
      return Object.entries(values).flatMap(([words, megabytes]) =>
        megabytes === undefined ? [] : [{ name: words, megabytes, goal }],
      );
    });
  });
}
