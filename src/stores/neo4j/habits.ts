// What the graph already does: in which form each mapped property stands, learnt from a few records, so that values are written as its own writers would.

import { heldColumns, pattern, property, where } from './cypher.ts';
import type { Decoder } from './decode.ts';
import type { Usage } from './encode.ts';
import { codeOf } from './failure.ts';
import { type Form, formOf } from './native.ts';
import { type Connection, type Natives, type Neo4j, read } from './session.ts';
import { type Column, type End, quote, type Shape } from './shape.ts';

export interface Habit extends Usage {
  /** How often each form stands there. */
  readonly forms: ReadonlyMap<Form | 'other', number>;
  /** Samples that hold a value, and those of them that can't be read as the field. */
  readonly values: number;
  readonly unreadable: number;
}

export interface Habits {
  readonly samples: number;
  /** By the column's index. */
  readonly byColumn: readonly Habit[];
}

const SAMPLES = 200;
/** A condition that hardly any record meets could make the server look for them for minutes. */
const SAMPLE_MS = 5000;

export async function learnHabits(connection: Connection, shape: Shape, decoder: Decoder): Promise<Habits> {
  const query = `MATCH ${pattern(shape)}${where(shape)} RETURN ${heldColumns(shape).join(', ')} LIMIT ${SAMPLES}`;
  const rows = await sample(connection, query);
  const ends = await Promise.all(shape.ends.map((end) => sampleEnd(connection, end)));
  const byColumn = shape.columns.map((column) => {
    const values = rows.map((row) => row[column.index]);
    // An end says more of itself: there may be nodes but no relationships yet.
    const end = shape.ends.findIndex(({ side }) => side === column.side);
    const more = end < 0 ? [] : ends[end]!.map((row) => row[shape.ends[end]!.columns.indexOf(column)]);
    return habitOf(connection.neo4j, decoder, column, [...values, ...more]);
  });
  return { samples: rows.length, byColumn };
}

function sampleEnd(connection: Connection, { variable, label, columns }: End): Promise<readonly Natives[]> {
  if (columns.length === 0) return Promise.resolve([]);
  return sample(
    connection,
    `MATCH (${variable}:${quote(label)}) RETURN ${columns.map(property).join(', ')} LIMIT ${SAMPLES}`,
  );
}

async function sample(connection: Connection, query: string): Promise<readonly Natives[]> {
  try {
    return await read(connection, query, {}, SAMPLE_MS);
  } catch (error) {
    if (codeOf(error).includes('TransactionTimedOut')) return [];
    throw error;
  }
}

function habitOf(neo4j: Neo4j, decoder: Decoder, column: Column, natives: readonly unknown[]): Habit {
  const forms = new Map<Form | 'other', number>();
  const elements = new Map<Form | 'other', number>();
  let values = 0;
  let unreadable = 0;
  let text: string | undefined;
  for (const native of natives) {
    if (native === null || native === undefined) continue;
    values++;
    const form = formOf(neo4j, native) ?? 'other';
    add(forms, form);
    if (Array.isArray(native) && native.length > 0) add(elements, formOf(neo4j, native[0]) ?? 'other');
    if (typeof native === 'string') text = native;
    if (!decoder.canRead(column, native)) unreadable++;
  }
  return { forms, values, unreadable, text, form: usual(forms), element: usual(elements) };
}

function add(counts: Map<Form | 'other', number>, form: Form | 'other'): void {
  counts.set(form, (counts.get(form) ?? 0) + 1);
}

function usual(counts: ReadonlyMap<Form | 'other', number>): Form | undefined {
  const [first] = [...counts].sort(([, a], [, b]) => b - a);
  return first === undefined || first[0] === 'other' ? undefined : first[0];
}
