// From what a comparison found to one decision a row: both rows are read again, with what tells when they were written.

import type { Config, FailbackPolicy } from '../config/config.ts';
import { InterruptedError } from '../errors.ts';
import { type Key, keyText, type Mapping } from '../mapping/mapping.ts';
import type { Finding } from '../report/report.ts';
import { differingFields } from '../value/same-value.ts';
import { ruleOf, timesOf } from './as-config.ts';
import type { Table } from './catalog.ts';
import { linkColumns, type TableSides } from './consistency.ts';
import { decide, type Rules } from './decide.ts';
import { type Decision, type DecisionLine, type Links, readMark, type SideDifference } from './decision.ts';
import { type Clock, type Evidence, fetchEvidence, tellsMoment } from './evidence.ts';
import type { Scene } from './open.ts';
import { areCopies } from './servers.ts';
import { type Both, onBoth, SIDES, type Side } from './sides.ts';

export interface DecisionContext {
  readonly config: Config;
  readonly scene: Scene;
  readonly tables: ReadonlyMap<string, TableSides & { readonly table: Table }>;
  /** For all tables; undefined: as the config says. */
  readonly policy?: FailbackPolicy;
  readonly signal?: AbortSignal;
}

const BATCH = 500;

/** By table, in the order of the findings. Memory: one decision a row, of the order of a kilobyte. */
export async function findDecisions(
  findings: AsyncIterable<Finding>,
  context: DecisionContext,
): Promise<Map<string, Decision[]>> {
  const decisions = new Map([...context.tables.keys()].map((name): [string, Decision[]] => [name, []]));
  const waiting = new Map<string, Key[]>();
  const settle = async (name: string) => {
    if (context.signal?.aborted) throw new InterruptedError();
    decisions.get(name)!.push(...(await decideBatch(name, waiting.get(name)!, context)));
    waiting.delete(name);
  };
  for await (const { entity: name, class: found, key } of findings) {
    if (found === 'unread') continue;
    const keys = waiting.get(name) ?? [];
    waiting.set(name, keys);
    keys.push(context.tables.get(name)!.mapping.key.map((field) => key[field.name] ?? ''));
    if (keys.length >= BATCH) await settle(name);
  }
  for (const name of [...waiting.keys()]) await settle(name);
  return decisions;
}

async function decideBatch(name: string, keys: readonly Key[], context: DecisionContext): Promise<readonly Decision[]> {
  const { scene, tables } = context;
  const own = tables.get(name)!;
  const { mapping, relations, uniques } = own;
  const columns = linkColumns(name, uniques, scene.catalogs.here.references);
  const clocks = clocksOf(own.table, own, context);
  const found = await onBoth(async (side) => {
    const rows = await fetchEvidence(scene.sessions[side], relations[side], mapping, keys, clocks[side]);
    return new Map(rows.map((evidence) => [keyText(evidence.row.key), evidence]));
  });
  const rules = rulesOf(own.table, mapping, context);
  return keys.flatMap((key): Decision[] => {
    const text = keyText(key);
    const [here, there] = [found.here.get(text), found.there.get(text)];
    if (here === undefined && there === undefined) return [];
    const state = there === undefined ? 'only here' : here === undefined ? 'only there' : 'conflict';
    const fields = here && there ? differingFields(mapping.fields, here.row, there.row) : [];
    if (state === 'conflict' && fields.length === 0) return [];
    const { take, why } = decide(state, { here, there }, rules);
    return [
      {
        table: name,
        key,
        state,
        fields: fields.map((i) => differenceOf(i, mapping, here!, there!)),
        take,
        why,
        read: readMark(here?.row, there?.row),
        links: { here: linksOf(here, mapping, columns), there: linksOf(there, mapping, columns) },
      },
    ];
  });
}

function differenceOf(i: number, { fields }: Mapping, here: Evidence, there: Evidence): SideDifference {
  const { name, sensitive } = fields[i]!;
  if (sensitive) return { name, sensitive: true };
  return { name, here: here.row.values[i], there: there.row.values[i] };
}

function linksOf(evidence: Evidence | undefined, { key, fields }: Mapping, columns: readonly string[]): Links | null {
  if (evidence === undefined) return null;
  const { row } = evidence;
  const values = columns.map((name): [string, string | null] => {
    const part = key.findIndex((field) => field.name === name);
    if (part >= 0) return [name, row.key[part]!];
    const i = fields.findIndex((field) => field.name === name);
    return [name, i < 0 ? null : row.values[i]!];
  });
  return Object.fromEntries(values);
}

function clocksOf(table: Table, { relations }: TableSides, { config, scene }: DecisionContext): Both<Clock> {
  const times = timesOf(config, table);
  const { timeZone } = config.failback!;
  const clock = (side: Side): Clock => {
    const telling = (column: string | undefined) =>
      tellsMoment(relations[side], column, timeZone) ? column : undefined;
    return {
      version: telling(times.version),
      created: telling(times.created),
      timeZone,
      commits: areCopies(scene.servers) ? scene.servers[side].commits : undefined,
    };
  };
  return { here: clock('here'), there: clock('there') };
}

function rulesOf(table: Table, mapping: Mapping, { config, scene, policy }: DecisionContext): Rules {
  const failback = config.failback!;
  const rule = ruleOf(config, table);
  return {
    policy: rule.policy ?? policy ?? failback.policy,
    neverDeleted: rule.neverDeleted ?? false,
    version: mapping.version,
    fields: mapping.fields,
    parted: scene.parted.at,
    margin: BigInt(Math.round(failback.margin * 1000)),
  };
}

/** What tells when rows of a table were written, in words for the report. */
export function evidenceWords(own: TableSides & { readonly table: Table }, context: DecisionContext): string {
  const clocks = clocksOf(own.table, own, context);
  const words = [
    ...(SIDES.every((side) => clocks[side].commits !== undefined)
      ? ['commit times']
      : SIDES.flatMap((side) => (clocks[side].commits === undefined ? [] : [`commit times ${side}`]))),
    ...(clocks.here.version === undefined ? [] : [clocks.here.version]),
    ...(clocks.here.created === undefined ? [] : [clocks.here.created]),
  ];
  if (rulesOf(own.table, own.mapping, context).neverDeleted) words.push('rows are never deleted');
  return words.length === 0 ? 'nothing' : words.join(', ');
}

/**
 * What a plan file says takes the place of what was decided. A row that the file does not name, or that has changed since it was written, is left.
 */
export function takePlan(
  decisions: ReadonlyMap<string, readonly Decision[]>,
  lines: readonly DecisionLine[],
  tables: ReadonlyMap<string, TableSides>,
): void {
  const said = new Map(
    lines.map((line) => {
      const key = tables.get(line.table)?.mapping.key.map((field) => line.key[field.name] ?? '') ?? [];
      return [`${line.table} ${keyText(key)}`, line];
    }),
  );
  for (const decision of [...decisions.values()].flat()) {
    const line = said.get(`${decision.table} ${keyText(decision.key)}`);
    const leave = (why: string) => Object.assign(decision, { take: null, settled: 'kept', why });
    if (line === undefined) leave('the plan does not name it');
    else if (line.read !== decision.read) leave('it has changed since the plan was written');
    else if (line.take === null) leave(line.why);
    else if (line.take !== decision.take)
      Object.assign(decision, { take: line.take, settled: 'said', why: `the plan takes ${line.take}` });
  }
}
