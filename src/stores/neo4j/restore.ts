// Puts whole nodes and relationships back. What can't be, because the node at an end is gone, undoes its transaction.

import { keyText } from '../../mapping/mapping.ts';
import type { Outcome } from '../store.ts';
import { lock } from './guarded.ts';
import { type EndImage, nodeImage, relationshipImage } from './images.ts';
import { quote, shownName } from './shape.ts';
import { revive, reviveValue } from './stored.ts';
import { countPresent, type Insert, moved, type Work, written } from './work.ts';

/** The node at an end that is gone, or is one of several that are alike. */
export class EndError extends Error {
  override readonly name = 'EndError';
}

/** A relationship that is to be made between two nodes. */
interface Wanted {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly properties: Record<string, unknown>;
}

/** Nodes with their labels, then what hung on them. One outcome an insert; throws EndError. */
export async function restoreNodes(work: Work, inserts: readonly Insert[]): Promise<readonly Outcome[]> {
  const { neo4j } = work.connection;
  const free = await freeOnes(work, inserts);
  const byLabels = new Map<string, { readonly i: bigint; readonly properties: Record<string, unknown> }[]>();
  for (const i of free) {
    const { labels, properties } = nodeImage(inserts[i]!.image);
    const text = labels.map((label) => `:${quote(label)}`).join('');
    const row = { i: BigInt(i), properties: revive(neo4j, properties) };
    byLabels.set(text, [...(byLabels.get(text) ?? []), row]);
  }
  const made = new Map<number, string>();
  for (const [labels, rows] of byLabels) {
    const query = `UNWIND $rows AS row CREATE (n${labels}) SET n = row.properties RETURN row.i, elementId(n)`;
    for (const [i, id] of await work.run(query, { rows })) made.set(Number(i), id as string);
  }
  await restoreHung(work, inserts, made);
  return inserts.map((_, i) => (made.has(i) ? written : moved));
}

/** `made`: by index of the insert, the node that has been created. */
async function restoreHung(work: Work, inserts: readonly Insert[], made: ReadonlyMap<number, string>): Promise<void> {
  const { neo4j } = work.connection;
  const hung = [...made].flatMap(([i, node]) =>
    (nodeImage(inserts[i]!.image).relationships ?? []).map((relationship) => ({ node, ...relationship })),
  );
  const ends = await lockNodes(
    work,
    hung.flatMap(({ end }) => end ?? []),
  );
  const known = new Set<string>();
  const wanted: Wanted[] = [];
  for (const { id, node, type, properties, isOut, end, isShared } of hung) {
    if (known.has(id)) continue;
    const other = end === undefined ? node : ends.get(endText(end));
    // With its own end, which was deleted in the same step, it comes back too.
    if (other === undefined && isShared) continue;
    if (other === undefined) throw new EndError(`the other end of its ${shownName(type)} is gone: ${shownEnd(end!)}`);
    known.add(id);
    const [from, to] = isOut ? [node, other] : [other, node];
    wanted.push({ type, from, to, properties: revive(neo4j, properties) });
  }
  await hang(work, wanted);
}

export async function restoreRelationships(work: Work, inserts: readonly Insert[]): Promise<readonly Outcome[]> {
  const { shape } = work.access;
  const images = inserts.map(({ image }) => relationshipImage(image));
  const ends = await lockNodes(
    work,
    images.flatMap(({ from, to }) => [from, to]),
  );
  // Only now: who would make the same one waits for its ends.
  const free = new Set(await freeOnes(work, inserts));
  const wanted = [...free].map((i): Wanted => {
    const { properties, ...sides } = images[i]!;
    const [from, to] = [sides.from, sides.to].map((end) => {
      const node = ends.get(endText(end));
      if (node === undefined) throw new EndError(`one of its ends is gone: ${shownEnd(end)}`);
      return node;
    });
    return { type: shape.target, from: from!, to: to!, properties: revive(work.connection.neo4j, properties) };
  });
  await hang(work, wanted);
  return inserts.map((_, i) => (free.has(i) ? written : moved));
}

/** Indexes of those whose key is as free as it is to be. */
async function freeOnes(work: Work, inserts: readonly Insert[]): Promise<readonly number[]> {
  const counts = await countPresent(
    work,
    inserts.map(({ row }) => row),
  );
  return inserts.flatMap(({ row, beside = 0 }, i) => ((counts.get(keyText(row.key)) ?? 0) === beside ? [i] : []));
}

async function hang({ run }: Work, wanted: readonly Wanted[]): Promise<void> {
  const byType = new Map<string, Wanted[]>();
  for (const one of wanted) byType.set(one.type, [...(byType.get(one.type) ?? []), one]);
  for (const [type, rows] of byType) {
    const query = `UNWIND $rows AS row MATCH (a) WHERE elementId(a) = row.from MATCH (b) WHERE elementId(b) = row.to
      CREATE (a)-[r:${quote(type)}]->(b) SET r = row.properties`;
    await run(query, { rows });
  }
}

/** The nodes at these ends, by `endText`, locked; none for an end that no node is at, or several. */
async function lockNodes(work: Work, ends: readonly EndImage[]): Promise<ReadonlyMap<string, string>> {
  const found = await findNodes(work, ends);
  if (found.size === 0) return found;
  await lock(work, 'n', [...found.values()]);
  // One of them may have changed before it was locked.
  return findNodes(work, ends);
}

async function findNodes({ connection, run }: Work, ends: readonly EndImage[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string | undefined>();
  const alike = new Map<string, Map<string, EndImage>>();
  for (const end of ends) {
    const text = JSON.stringify([end.label, Object.keys(end.key)]);
    const known = alike.get(text) ?? new Map<string, EndImage>();
    alike.set(text, known.set(endText(end), end));
  }
  for (const some of alike.values()) {
    const [[, { label, key }]] = [...some] as [[string, EndImage]];
    const names = Object.keys(key);
    const conditions = names.map((name, i) => `x.${quote(name)} = row.key[${i}]`);
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    const rows = Array.from(some, ([text, end]) => ({
      text,
      key: names.map((name) => reviveValue(connection.neo4j, end.key[name]!)),
    }));
    const query = `UNWIND $rows AS row MATCH (x:${quote(label)})${where} RETURN row.text, elementId(x)`;
    for (const [text, id] of await run(query, { rows })) {
      found.set(text as string, found.has(text as string) ? undefined : (id as string));
    }
  }
  return new Map([...found].flatMap(([text, id]) => (id === undefined ? [] : [[text, id]])));
}

function endText({ label, key }: EndImage): string {
  return JSON.stringify([label, key]);
}

/** Without its values, which may be sensitive. */
function shownEnd({ label, key }: EndImage): string {
  return `${shownName(label)} by its ${Object.keys(key).map(shownName).join(', ')}`;
}
