// Whole nodes with their labels, and whole relationships with their ends; of a node that is to be deleted with what hangs on it, that too. A
// node at an end is known again by a label and a key, as elementIds are given to others once it is gone.

import { ValueError } from '../../value/canonical.ts';
import type { Captured, Guarded, Image } from '../store.ts';
import type { Access } from './access.ts';
import { tokenOf } from './fetch.ts';
import type { Guard } from './schema.ts';
import { readConstraints } from './schema.ts';
import type { Connection, Natives, Run } from './session.ts';
import { read } from './session.ts';
import { canQuote, shownName } from './shape.ts';
import { type StoredProperties, store } from './stored.ts';

/** More are not kept with a node. */
const MOST_RELATIONSHIPS = 10_000;

export interface NodeImage {
  readonly labels: readonly string[];
  readonly properties: StoredProperties;
  /** Of a node that is to be deleted with them. */
  readonly relationships?: readonly HungImage[];
}

/** A relationship of a node. */
export interface HungImage {
  /** Its elementId, by which two images of it are one. */
  readonly id: string;
  readonly type: string;
  readonly properties: StoredProperties;
  /** It starts at the node. */
  readonly isOut: boolean;
  /** Where its other end is; absent: it leads back to the node itself. */
  readonly end?: EndImage;
  /** Its other end was to be deleted in the same step, and has it in its own image. */
  readonly isShared?: true;
}

export interface RelationshipImage {
  readonly properties: StoredProperties;
  readonly from: EndImage;
  readonly to: EndImage;
}

/** One node has this label and these properties. */
export interface EndImage {
  readonly label: string;
  readonly key: StoredProperties;
}

export function nodeImage(image: Image): NodeImage {
  return image as NodeImage;
}

export function relationshipImage(image: Image): RelationshipImage {
  return image as RelationshipImage;
}

/** In the order of `changes`; undefined for a record that is gone. */
export async function captureImages(
  connection: Connection,
  access: Access,
  changes: readonly Guarded[],
): Promise<readonly (Captured | undefined)[]> {
  const run: Run = (query, parameters) => read(connection, query, parameters);
  const captured = await readImages(connection, run, access, changes);
  return changes.map(({ expected }) => captured.get(tokenOf(expected).id));
}

/** By elementId, as this transaction sees them. */
export async function readImages(
  connection: Connection,
  run: Run,
  access: Access,
  changes: readonly Guarded[],
): Promise<ReadonlyMap<string, Captured>> {
  const keys = new EndKeys(access, await readConstraints(connection));
  const ids = (some: readonly Guarded[]) => some.map(({ expected }) => tokenOf(expected).id);
  const reader = new ImageReader(connection, run, keys);
  if (access.shape.record === 'r') return reader.relationships(ids(changes));
  const detached = access.shape.detach ? changes.filter(({ kind }) => kind === 'delete') : [];
  return reader.nodes(ids(changes), new Set(ids(detached)));
}

class ImageReader {
  private readonly connection: Connection;
  private readonly run: Run;
  private readonly keys: EndKeys;

  constructor(connection: Connection, run: Run, keys: EndKeys) {
    this.connection = connection;
    this.run = run;
    this.keys = keys;
  }

  async nodes(ids: readonly string[], detached: ReadonlySet<string>): Promise<ReadonlyMap<string, Captured>> {
    const hung = await this.hung([...detached]);
    const query = 'UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id RETURN id, labels(n), properties(n)';
    const images = new Map<string, Captured>();
    for (const [id, labels, properties] of await this.run(query, { ids })) {
      const relationships = hung.get(id as string);
      images.set(
        id as string,
        orLacks(() => {
          if (typeof relationships === 'string') throw new ValueError(relationships);
          return {
            labels: quotable((labels as string[]).toSorted()),
            properties: this.stored(properties),
            relationships,
          } satisfies NodeImage;
        }),
      );
    }
    return images;
  }

  async relationships(ids: readonly string[]): Promise<ReadonlyMap<string, Captured>> {
    const query = `UNWIND $ids AS id MATCH (a)-[r]->(b) WHERE elementId(r) = id
      RETURN id, properties(r), labels(a), properties(a), labels(b), properties(b)`;
    const images = new Map<string, Captured>();
    for (const [id, properties, fromLabels, from, toLabels, to] of await this.run(query, { ids })) {
      images.set(
        id as string,
        orLacks(
          () =>
            ({
              properties: this.stored(properties),
              from: this.end(fromLabels, from, 'its start'),
              to: this.end(toLabels, to, 'its end'),
            }) satisfies RelationshipImage,
        ),
      );
    }
    return images;
  }

  /** By node: what hangs on it, or why that can't be kept. */
  private async hung(ids: readonly string[]): Promise<ReadonlyMap<string, readonly HungImage[] | string>> {
    const hung = new Map<string, readonly HungImage[] | string>();
    if (ids.length === 0) return hung;
    const counted = 'UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id WITH id, n, COUNT { (n)--() } AS count';
    const small: string[] = [];
    for (const [id, count] of await this.run(`${counted} RETURN id, count`, { ids })) {
      hung.set(id as string, []);
      if ((count as bigint) <= MOST_RELATIONSHIPS) small.push(id as string);
      else hung.set(id as string, `${count} relationships go with it, and ${MOST_RELATIONSHIPS} at most are kept`);
    }
    const query = `UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id MATCH (n)-[r]-(m)
      RETURN id, elementId(r), type(r), properties(r), startNode(r) = n, elementId(m), labels(m), properties(m)`;
    const deleted = new Set(ids);
    const found = new Map<string, Map<string, HungImage>>();
    for (const row of await this.run(query, { ids: small })) {
      const [id, relationship] = row as [string, string, ...unknown[]];
      if (typeof hung.get(id) === 'string') continue;
      try {
        const known = found.get(id) ?? new Map<string, HungImage>();
        found.set(id, known.set(relationship, this.hungImage(row, deleted)));
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        hung.set(id, error.message);
      }
    }
    for (const [id, known] of found) {
      if (typeof hung.get(id) === 'string') continue;
      hung.set(
        id,
        [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
      );
    }
    return hung;
  }

  private hungImage(row: Natives, deleted: ReadonlySet<string>): HungImage {
    const [node, id, type, properties, isOut, end, labels, held] = row as readonly [
      string,
      string,
      string,
      unknown,
      boolean,
      string,
      unknown,
      unknown,
    ];
    quotable([type]);
    const own = { id, type, properties: this.stored(properties), isOut };
    if (end === node) return { ...own, isOut: true };
    const other = { ...own, end: this.end(labels, held, `the other end of its ${shownName(type)}`) };
    return deleted.has(end) ? { ...other, isShared: true } : other;
  }

  private end(labels: unknown, properties: unknown, what: string): EndImage {
    return this.keys.of(labels as readonly string[], this.stored(properties), what);
  }

  private stored(properties: unknown): StoredProperties {
    return store(this.connection.neo4j, properties as Record<string, unknown>);
  }
}

/** By what a node is known again: what a constraint keeps unique, else the mapping's key, else all that it holds. */
class EndKeys {
  private readonly guards: readonly Guard[];

  constructor({ shape }: Access, constraints: readonly Guard[]) {
    const own = shape.columns.filter(({ isKey, side }) => isKey && side === undefined);
    const node = { name: shape.target, columns: shape.record === 'n' ? own : [] };
    const mapped = [node, ...shape.ends.map(({ label, columns }) => ({ name: label, columns }))]
      .filter(({ columns }) => columns.length > 0)
      .map(
        ({ name, columns }): Guard => ({ entity: 'NODE', name, properties: columns.map(({ property }) => property) }),
      );
    this.guards = [...constraints, ...mapped];
  }

  /** Throws ValueError for a node that nothing tells from others. */
  of(labels: readonly string[], properties: StoredProperties, what: string): EndImage {
    const guard = this.guards.find(
      ({ name, properties: key }) => labels.includes(name) && key.every((one) => properties[one] !== undefined),
    );
    if (guard !== undefined) {
      return { label: guard.name, key: Object.fromEntries(guard.properties.map((one) => [one, properties[one]!])) };
    }
    const [label] = quotable(labels.toSorted());
    if (label === undefined) throw new ValueError(`${what} is a node without a label, which can’t be found again`);
    return { label, key: properties };
  }
}

function quotable(names: readonly string[]): readonly string[] {
  const odd = names.find((name) => !canQuote(name));
  if (odd !== undefined) throw new ValueError(`${JSON.stringify(odd)} can’t be a name in Cypher`);
  return names;
}

function orLacks(make: () => Image): Captured {
  try {
    return { image: make() };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return { lacks: error.message };
  }
}
