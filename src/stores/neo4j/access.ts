// Everything that the verbs need to know about one replica: its shape, what the graph holds there now, and how its records are found.

import type { Replica } from '../store.ts';
import { Decoder } from './decode.ts';
import { type Habits, learnHabits } from './habits.ts';
import { readSchema, type Schema } from './schema.ts';
import type { Connection } from './session.ts';
import { makeShape, type Shape } from './shape.ts';

export interface Access {
  readonly shape: Shape;
  readonly decoder: Decoder;
  readonly schema: Schema;
  readonly habits: Habits;
}

export async function makeAccess(connection: Connection, replica: Replica): Promise<Access> {
  const { shape } = makeShape(replica);
  const decoder = new Decoder(connection.neo4j, shape);
  const [schema, habits] = await Promise.all([readSchema(connection, shape), learnHabits(connection, shape, decoder)]);
  return { shape, decoder, schema, habits };
}
