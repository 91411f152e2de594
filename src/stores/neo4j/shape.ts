// How a replica stands in the graph: as nodes of a label, or as relationships of a type whose key or fields may stand at the end nodes. Pure.

import { ConfigError, type Problem } from '../../errors.ts';
import type { Field } from '../../mapping/mapping.ts';
import type { Replica } from '../store.ts';
import type { EndOptions, ReplicaOptions } from './options.ts';

/** Cypher's variables: a replica's `where` uses them too. */
export type Variable = 'n' | 'r' | 'a' | 'b';
export type Side = 'from' | 'to';

/** Where a mapped field stands: at the record itself or at an end node. */
export interface Column {
  readonly field: Field;
  readonly variable: Variable;
  readonly side?: Side;
  readonly property: string;
  /** Index into `Shape.columns`. */
  readonly index: number;
  readonly isKey: boolean;
}

export interface End {
  readonly side: Side;
  readonly variable: 'a' | 'b';
  readonly label: string;
  /** None: the end is the one node of its label, and relationships of others do not belong to the replica. */
  readonly columns: readonly Column[];
}

export interface Shape {
  readonly replica: Replica;
  /** The record's own variable: `n` for a node, `r` for a relationship. */
  readonly record: 'n' | 'r';
  /** Label or type. */
  readonly target: string;
  /** The mapping's key, then its fields. */
  readonly columns: readonly Column[];
  readonly keys: number;
  /** Of a relationship, from and to; of a node, none. */
  readonly ends: readonly End[];
  readonly where?: string;
  readonly detach: boolean;
  readonly createEnds: boolean;
}

export function makeShape(replica: Replica): { readonly shape: Shape; readonly problems: readonly Problem[] } {
  const options = (replica.options ?? {}) as ReplicaOptions;
  const { mapping, target, where } = replica;
  const problems: Problem[] = [...optionProblems(options)];
  const isNode = options.from === undefined && options.to === undefined;
  const placeOf = ({ name, target: property }: Field): Pick<Column, 'variable' | 'side' | 'property'> => {
    if (isNode) return { variable: 'n', property };
    const from = own(options.from, name);
    const to = own(options.to, name);
    if (from !== undefined && to !== undefined) {
      problems.push({ path: property, message: `${name} is named in from and in to: a column stands at one end` });
    }
    if (from !== undefined) return { variable: 'a', side: 'from', property: from };
    if (to !== undefined) return { variable: 'b', side: 'to', property: to };
    return { variable: 'r', property };
  };
  const columns = [...mapping.key, ...mapping.fields].map((field, index) => ({
    field,
    index,
    isKey: index < mapping.key.length,
    ...placeOf(field),
  }));
  const ends = (['from', 'to'] as const).flatMap((side): End[] => {
    const end = options[side];
    if (end === undefined) return [];
    const mine = columns.filter((column) => column.side === side);
    problems.push(...endProblems(side, end, mine, columns));
    return [{ side, variable: side === 'from' ? 'a' : 'b', label: end.label, columns: mine }];
  });
  if (where !== undefined && where !== null && typeof where !== 'string') {
    const hint = `Write a text such as ${isNode ? '"n.deletedAt IS NULL"' : '"r.deletedAt IS NULL"'}.`;
    problems.push({ path: 'where', message: 'is not a condition in Cypher', hint });
  }
  for (const name of [target, ...ends.map(({ label }) => label), ...columns.map(({ property }) => property)]) {
    if (!canQuote(name)) problems.push({ path: '', message: `${JSON.stringify(name)} can't be a name in Cypher` });
  }
  const shape: Shape = {
    replica,
    record: isNode ? 'n' : 'r',
    target,
    columns,
    keys: mapping.key.length,
    ends,
    where: typeof where === 'string' && where.trim() !== '' ? where : undefined,
    detach: options.detach ?? false,
    createEnds: options.createEnds ?? false,
  };
  return { shape, problems };
}

/** A key that stands at an end can be guarded by no constraint. */
export function isKeyedByEnds({ columns }: Shape): boolean {
  return columns.some(({ isKey, side }) => isKey && side !== undefined);
}

function own(end: EndOptions | undefined, name: string): string | undefined {
  return end?.key !== undefined && Object.hasOwn(end.key, name) ? end.key[name] : undefined;
}

function optionProblems({ from, to, createEnds, detach }: ReplicaOptions): readonly Problem[] {
  const problems: Problem[] = [];
  const isNode = from === undefined && to === undefined;
  if (!isNode && (from === undefined || to === undefined)) {
    const [given, missing] = from === undefined ? ['to', 'from'] : ['from', 'to'];
    problems.push({
      path: missing,
      message: `missing beside ${given}: a relationship has two ends`,
      hint: `Add ${missing}: { label: …, key: { column: property } }.`,
    });
  }
  if (isNode && createEnds !== undefined) {
    problems.push({ path: 'createEnds', message: 'only a relationship has ends', hint: 'Add from and to.' });
  }
  if (!isNode && detach !== undefined) problems.push({ path: 'detach', message: 'only a node can be detached' });
  return problems;
}

function endProblems(
  side: Side,
  end: EndOptions,
  mine: readonly Column[],
  columns: readonly Column[],
): readonly Problem[] {
  const unmapped = Object.keys(end.key ?? {}).filter((name) => !columns.some(({ field }) => field.name === name));
  const properties = mine.map(({ property }) => property);
  const twice = properties.find((property, i) => properties.indexOf(property) < i);
  return [
    ...unmapped.map((name) => ({
      path: `${side}.key.${name}`,
      message: `${name} is no mapped column`,
      hint: `Mapped are ${columns.map(({ field }) => field.name).join(', ')}.`,
    })),
    ...(twice === undefined
      ? []
      : [{ path: `${side}.key`, message: `two columns stand in the property ${twice} of one node` }]),
  ];
}

/** Cypher 5 reads \u escapes before anything else, even inside backticks, and Cypher 25 does not: neither is worth the risk. */
export function canQuote(name: string): boolean {
  return name !== '' && !/\\u/i.test(name) && !name.includes('\0');
}

/** A name in backticks. Throws a ConfigError for what could break out of them. */
export function quote(name: string): string {
  if (!canQuote(name))
    throw new ConfigError([{ path: '', message: `${JSON.stringify(name)} can't be a name in Cypher` }]);
  return `\`${name.replaceAll('`', '``')}\``;
}

/** For messages and hints: in backticks only where it has to be. */
export function shownName(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) || !canQuote(name) ? name : quote(name);
}
