// Everything that the verbs need to know about one replica: how its records are found, read and written. Made once a replica, from a
// few sampled documents.

import type { Document } from 'mongodb';
import type { Replica } from '../store.ts';
import { Decoder } from './decode.ts';
import { Encoder } from './encode.ts';
import { type Habits, learnHabits } from './habits.ts';
import { KeyFilters } from './key-filter.ts';
import type { Connection } from './session.ts';
import { whereOf } from './where.ts';

export interface Access {
  readonly replica: Replica;
  readonly where: Document;
  readonly habits: Habits;
  readonly decoder: Decoder;
  readonly encoder: Encoder;
  readonly keys: KeyFilters;
  /** Undefined where whole documents are cheaper to read. */
  readonly projection: Document | undefined;
}

export async function makeAccess(connection: Connection, replica: Replica, known: KnownHabits): Promise<Access> {
  const where = whereOf(connection.driver, replica);
  const habits = await known.of(replica, () => learnHabits(connection, replica, where));
  const encoder = new Encoder(connection.driver);
  return {
    replica,
    where,
    habits,
    decoder: new Decoder(replica.mapping),
    encoder,
    keys: new KeyFilters(replica.mapping, habits, encoder),
    projection: habits.mappedShare < PROJECT_BELOW ? projectionOf(replica) : undefined,
  };
}

/** What was learnt, as long as nobody wants to look afresh: the plan asks again with the same fields, only coarser. */
export class KnownHabits {
  private readonly known = new Map<string, Promise<Habits>>();

  of(replica: Replica, learn: () => Promise<Habits>): Promise<Habits> {
    const signature = signatureOf(replica);
    const known = this.known.get(signature);
    if (known !== undefined) return known;
    const habits = learn();
    this.known.set(signature, habits);
    habits.catch(() => this.known.delete(signature));
    return habits;
  }

  forget(replica: Replica): void {
    this.known.delete(signatureOf(replica));
  }
}

function signatureOf({ target, where, mapping }: Replica): string {
  const parts = [target, where, mapping.key, mapping.fields];
  return JSON.stringify(parts, (name, value) => (name === 'precision' ? undefined : value));
}

/** A projection makes the server take each document apart, which pays when a good part of it is not asked for. */
const PROJECT_BELOW = 0.7;

function projectionOf({ mapping }: Replica): Document | undefined {
  const targets = [...mapping.key, ...mapping.fields].map((field) => field.target);
  // The server reads these names as operators.
  if (targets.some((target) => target.split('.').some((name) => name === '' || name.startsWith('$')))) return undefined;
  // It refuses a path together with one that leads to it.
  const isCovered = (target: string) => targets.some((other) => target.startsWith(`${other}.`));
  return Object.fromEntries(
    ['_id', ...targets.filter((target) => !isCovered(target) && !target.startsWith('_id.'))].map((target) => [
      target,
      1,
    ]),
  );
}
