// From the measurements to what is promised: ratios and peaks with their goals. No I/O.

import { GOAL_ROWS, type StoreKind } from './copies.ts';
import { EMPTY_KINDS, nameOf, reladiffName } from './kind.ts';
import { RELADIFF_THREADS } from './reladiff.ts';
import { type Memory, peakAbove, peakGrowth, type Ratio, ratioOf, type Series } from './series.ts';
import { aloneName, TOGETHER_KINDS, togetherName } from './together.ts';
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

/** Those that have been measured. */
export function ratiosOf(series: Series, kinds: readonly StoreKind[], scales: Scales): readonly Ratio[] {
  const ratio = (name: string, goal: string | undefined, above: string, ...below: string[]): readonly Ratio[] => {
    const value = ratioOf(series, above, ...below);
    return value === undefined ? [] : [{ name, ratio: value, goal }];
  };
  const stores = kinds.flatMap((kind) => {
    const goals = GOALS[kind];
    const [equal, drifted] = [nameOf(kind, 'check', 'equal'), nameOf(kind, 'check', 'drifted')];
    const [repair, bulkWrite] = [nameOf(kind, 'repair', 'drifted'), nameOf(kind, 'bulk write', 'drifted')];
    return [
      ...ratio(`${kind} check / drain`, goals?.check, equal, nameOf(kind, 'drain', 'equal')),
      ...ratio(`${kind} drift / equal`, goals?.drift, drifted, equal),
      ...ratio(`${kind} repair / bulk write`, goals?.repair, repair, bulkWrite),
    ];
  });
  const peers = RELADIFF_THREADS.flatMap((threads) => {
    const [equal, drifted] = [reladiffName('equal', threads), reladiffName('drifted', threads)];
    const peer = equal.replace(/, equal$/, '');
    return [
      ...ratio(`${peer} / postgres check, equal`, '>= 8', equal, nameOf('postgres', 'check', 'equal')),
      ...ratio(`${peer} / postgres check, drift`, '>= 15', drifted, nameOf('postgres', 'check', 'drifted')),
    ];
  });
  const alone = (workers?: number) => TOGETHER_KINDS.map((kind) => aloneName(kind, workers));
  const without = 'without worker threads / with';
  return [
    ...stores,
    ...peers,
    ...ratio('four replicas / the slowest alone', TOGETHER_GOAL, togetherName(undefined), ...alone()),
    ...ratio('four replicas / the slowest alone, no worker threads', undefined, togetherName(0), ...alone(0)),
    ...ratio(`four replicas ${without}`, undefined, togetherName(0), togetherName(undefined)),
    ...TOGETHER_KINDS.flatMap((kind) =>
      ratio(`${kind} alone ${without}`, undefined, aloneName(kind, 0), aloneName(kind, undefined)),
    ),
    ...ratio(
      `7-day window: ${scales.many.toLocaleString('en')} / ${scales.few.toLocaleString('en')} reservations`,
      WINDOW_GOAL,
      windowName(scales.many),
      windowName(scales.few),
    ),
  ];
}

/** Of the kinds where an empty replica is checked too. */
export function memoryOf(series: Series, rowsOf: (kind: StoreKind) => number): readonly Memory[] {
  return EMPTY_KINDS.flatMap((kind) => {
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
