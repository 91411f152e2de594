// A write that a contingency store took, read from its JSON: which record of which entity, what was done to it and when. Pure.

import type { ContingencyConfig, Operation, WriteShape } from '../config/config.ts';
import type { Key } from '../mapping/mapping.ts';
import { fromMicros, fromText, fromTimestampText, microsOf, ValueError } from '../value/canonical.ts';
import type { Value } from '../value/field-type.ts';
import { type JsonTree, parseJson } from '../value/json.ts';
import { at, opened, plainText } from '../value/json-path.ts';
import { readKeyOf, readValues } from './read-data.ts';
import type { SourceTable } from './source-table.ts';

export interface Write {
  readonly entity: string;
  readonly operation: Operation;
  /** When it was made: a canonical timestamp. */
  readonly at: string;
  readonly key: Key;
  /** By index into the table's `mapping.fields`: what it sets. Empty for a delete. */
  readonly values: ReadonlyMap<number, Value>;
  /** The version that the record had when it was read to be changed. */
  readonly base?: string;
  /** Members of `data` that name no column. */
  readonly unnamed: readonly string[];
}

export type ReadWrite =
  | { readonly kind: 'write'; readonly write: Write }
  /** It can't be brought back as it is. As much of it as could be told; `at` is the beginning of time where that could not. */
  | { readonly kind: 'bad'; readonly why: string; readonly entity?: string; readonly key?: Key; readonly at: string }
  /** Of something that is not to be drained, or that the config does not know. */
  | { readonly kind: 'left'; readonly word: string }
  | { readonly kind: 'unknown'; readonly word: string };

export interface WriteContext {
  readonly contingency: ContingencyConfig;
  /** Entities that have a table. */
  readonly tableOf: (entity: string) => SourceTable | undefined;
}

/** Sorts before every timestamp that can be written. */
const BEGINNING = '-4712-01-01T00:00:00.000000Z';

/** `unread`: why the store could not read it, if so. */
export function readWrite(
  content: string,
  shape: WriteShape,
  { contingency, tableOf }: WriteContext,
  unread?: string,
): ReadWrite {
  let tree: JsonTree;
  try {
    tree = parseJson(content);
  } catch (error) {
    return { kind: 'bad', why: unread ?? wordsOf(error), at: BEGINNING };
  }
  const [moment, noMoment] = attempt(() => momentOf(at(tree, shape.timestamp), shape.timestamp.join('.')));
  const bad = (why: string, more: { readonly entity?: string; readonly key?: Key } = {}): ReadWrite => ({
    kind: 'bad',
    why,
    at: moment ?? BEGINNING,
    ...more,
  });
  const word = plainText(at(tree, shape.entity) ?? null);
  if (word === undefined) return bad(unread ?? `${shape.entity.join('.')} is missing`);
  if (contingency.leave.includes(word)) return { kind: 'left', word };
  const entity = contingency.entities.get(word) ?? word;
  const table = tableOf(entity);
  if (table === undefined) return { kind: 'unknown', word };
  const data = opened(at(tree, shape.data) ?? null);
  const spelled = table.spelling(shape.spelledAs);
  const [key, noKey] = attempt(() => readKeyOf(data, spelled, table));
  if (key === undefined) return bad(unread ?? noKey!, { entity });
  const [operation, noOperation] = attempt(() => operationOf(tree, shape, contingency));
  const [read, noValues] = attempt(() =>
    operation === 'delete' ? { values: new Map<number, Value>(), unnamed: [] } : readValues(data, spelled, table),
  );
  const [base, noBase] = attempt(() => baseOf(tree, shape, table));
  const why = unread ?? noMoment ?? noOperation ?? noValues ?? noBase;
  if (why !== undefined) return bad(why, { entity, key });
  const values = withVersion(read!.values, table, operation!, moment!);
  return {
    kind: 'write',
    write: { entity, operation: operation!, at: moment!, key, values, base, unnamed: read!.unnamed },
  };
}

/** A version that the data does not give is the time of the write: copies tell older from newer by it. */
function withVersion(
  values: ReadonlyMap<number, Value>,
  { ready }: SourceTable,
  operation: Operation,
  moment: string,
): ReadonlyMap<number, Value> {
  const { fields, version } = ready.replica.mapping;
  if (version === undefined || operation === 'delete' || values.has(version)) return values;
  const { type } = fields[version]!;
  if (type.kind !== 'timestamp') return values;
  return new Map([...values, [version, fromTimestampText(moment, type.precision)]]);
}

/** Canonical, as the version's column has it. */
function baseOf(tree: JsonTree, { base }: WriteShape, { ready }: SourceTable): string | undefined {
  const { fields, version } = ready.replica.mapping;
  const text = base === undefined || version === undefined ? undefined : plainText(at(tree, base) ?? null);
  return text === undefined ? undefined : fromText(fields[version!]!.type, text);
}

function operationOf(tree: JsonTree, { operation }: WriteShape, { operations }: ContingencyConfig): Operation {
  const word = plainText(at(tree, operation) ?? null);
  if (word === undefined) throw new ValueError(`${operation.join('.')} is missing`);
  const meant = operations.get(word.toLowerCase());
  if (meant === undefined) throw new ValueError(`${operation.join('.')} ${JSON.stringify(word)} is no operation`);
  return meant;
}

/** ISO 8601, or milliseconds since 1970 as number or digits. Throws a ValueError. */
function momentOf(tree: JsonTree | undefined, path: string): string {
  const text = plainText(tree ?? null);
  if (text === undefined) throw new ValueError(`${path} is missing`);
  const moment = /^\d+(\.\d+)?$/.test(text)
    ? fromMicros(BigInt(Math.round(Number(text) * 1000)), 6)
    : fromTimestampText(text, 6);
  if (typeof microsOf(moment) !== 'bigint') throw new ValueError(`${path} is no moment in time`);
  return moment;
}

/** Sorts as text in the order of time. */
export function sortableMoment(moment: string): string {
  return ((microsOf(moment) as bigint) + 10n ** 18n).toString().padStart(20, '0');
}

function attempt<T>(work: () => T): readonly [T | undefined, string | undefined] {
  try {
    return [work(), undefined];
  } catch (error) {
    return [undefined, wordsOf(error)];
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof ValueError) return error.message;
  throw error;
}
