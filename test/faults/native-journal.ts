// A run's journal as a stranger reads it: by docs/journal.md alone.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface NativeJournal {
  readonly bytes: number;
  /** Keys, as JSON, of records that it says were about to be written. */
  readonly keys: ReadonlySet<string>;
  /** How often each of them was written for sure. */
  readonly written: ReadonlyMap<string, number>;
}

/** `runFolder`: of one run. A run that wrote nothing has an empty one. */
export async function readNativeJournal(runFolder: string): Promise<NativeJournal> {
  const text = await readFile(join(runFolder, 'journal.ndjson'), 'utf8').catch(() => '');
  const keys = new Set<string>();
  const written = new Map<string, number>();
  const byNumber = new Map<number, string>();
  // What stands behind the last newline was torn off.
  for (const line of text.split('\n').slice(0, -1)) {
    const entry = JSON.parse(line);
    if (entry.type === 'write') {
      const key = JSON.stringify(entry.key);
      if (byNumber.has(entry.n)) throw new Error(`the journal has two writes ${entry.n}`);
      byNumber.set(entry.n, key);
      keys.add(key);
    } else if (entry.type === 'outcome') {
      for (const [n, outcome] of entry.outcomes) {
        const key = byNumber.get(n)!;
        if (outcome === 'written') written.set(key, (written.get(key) ?? 0) + 1);
      }
    }
  }
  return { bytes: Buffer.byteLength(text), keys, written };
}
