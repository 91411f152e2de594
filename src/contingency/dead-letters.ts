// Writes that could not be brought back, put aside to be looked at, mended and replayed: JSON lines in the folder `dead-letters`, a file a run. What
// may hold a sensitive value is sealed.

import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../files/write-whole.ts';
import { sealPlace } from '../journal/entry.ts';
import type { Sealer } from '../journal/seal.ts';
import { type JsonTree, parseJson, writeJson } from '../value/json.ts';
import type { Item } from './gather.ts';

export interface DeadLetter {
  readonly item: Item;
  readonly error: string;
  /** Holds, or may hold, a value that nobody may see. */
  readonly isSensitive: boolean;
}

/** Beside the runs. */
export function deadLettersFolder(base: string): string {
  return join(base, 'dead-letters');
}

export class DeadLetters {
  readonly path: string;
  private readonly run: string;
  private readonly sealer: Sealer | undefined;

  /** `base`: the config's folder. */
  constructor(base: string, run: string, sealer: Sealer | undefined) {
    this.path = join(deadLettersFolder(base), `${run}.ndjson`);
    this.run = run;
    this.sealer = sealer;
  }

  /** Whether it can be put aside without being lost: what is sensitive needs a key. */
  canKeep({ isSensitive }: DeadLetter): boolean {
    return !isSensitive || this.sealer !== undefined;
  }

  /** On disk when this returns. */
  async add(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const file = await open(this.path, 'a', 0o600);
    try {
      await file.appendFile(letters.map((letter) => `${this.line(letter)}\n`).join(''));
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(this.path));
  }

  private line({ item: { store, id, content }, error, isSensitive }: DeadLetter): string {
    const head = JSON.stringify({ store, id, error, run: this.run, at: new Date().toISOString() });
    const sealed = () => JSON.stringify({ sealed: this.sealer!.seal(content, placeOf(this.run, id)) });
    // The content is JSON already: numbers keep the digits that JSON.parse would round.
    return `${head.slice(0, -1)},"write":${isSensitive ? sealed() : content}}`;
  }
}

/** The write as its store had it. */
export function openDeadLetter(
  line: string,
  sealer: Sealer | undefined,
): { readonly store: string; readonly content: string } | { readonly why: string } {
  const letter = membersOf(parseJson(line));
  const [store, id, run, write] = ['store', 'id', 'run', 'write'].map((name) => letter?.get(name));
  if (typeof store !== 'string' || write === undefined)
    return { why: 'it is no dead letter: store or write is missing' };
  const sealed = membersOf(write)?.get('sealed');
  if (typeof sealed !== 'string') return { store, content: writeJson(write) };
  if (sealer === undefined) return { why: 'it is sealed: set journal.key to the key of its run' };
  try {
    return { store, content: sealer.open(sealed, placeOf(String(run), String(id))) };
  } catch {
    return { why: 'it is sealed with another key than journal.key' };
  }
}

function placeOf(run: string, id: string): string {
  return sealPlace(run, 0, `dead letter ${id}`);
}

function membersOf(tree: JsonTree): ReadonlyMap<string, JsonTree> | undefined {
  return typeof tree === 'object' && tree !== null && 'members' in tree ? tree.members : undefined;
}
