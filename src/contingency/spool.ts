// Sorts more entries than memory holds: sorted pieces in a folder, merged as they are read. What it puts on disk is sealed with a key that nobody
// else has and that is gone with the process.

import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InterruptedError } from '../errors.ts';
import { readLines } from '../files/lines.ts';
import { writeWhole } from '../files/write-whole.ts';
import { makeSealer } from '../journal/seal.ts';

/** Characters that are sorted in memory. */
const PIECE = 1 << 25;

interface Entry {
  readonly order: string;
  readonly text: string;
}

export class Spool {
  private readonly folder: string;
  private readonly piece: number;
  private readonly sealer = makeSealer(randomBytes(32));
  private readonly files: string[] = [];
  private entries: Entry[] = [];
  private size = 0;
  private count = 0;

  /** `piece`: characters that are held in memory before they go to the folder. */
  constructor(folder: string, piece = PIECE) {
    this.folder = folder;
    this.piece = piece;
  }

  /** Entries that were added. */
  get length(): number {
    return this.count;
  }

  /** `order`: what it is sorted by, as text; it holds no line end and no tab. */
  async add(order: string, content: unknown): Promise<void> {
    const text = JSON.stringify(content);
    this.entries.push({ order, text });
    this.count++;
    this.size += order.length + text.length;
    if (this.size >= this.piece) await this.flush();
  }

  /** All entries in the order of their texts, those of one order as they were added. May be read again. */
  async *sorted<T>(signal?: AbortSignal): AsyncGenerator<{ readonly order: string; readonly content: T }> {
    const memory = [...this.entries].sort(byOrder);
    const readers = [...this.files.map((file) => this.read(file)), iterate(memory)];
    const heads: (Entry | undefined)[] = [];
    try {
      for (const reader of readers) heads.push((await reader.next()).value as Entry | undefined);
      for (;;) {
        if (signal?.aborted) throw new InterruptedError();
        let least = -1;
        heads.forEach((head, i) => {
          if (head !== undefined && (least < 0 || head.order < heads[least]!.order)) least = i;
        });
        if (least < 0) return;
        const { order, text } = heads[least]!;
        heads[least] = (await readers[least]!.next()).value as Entry | undefined;
        yield { order, content: JSON.parse(text) as T };
      }
    } finally {
      for (const reader of readers) await reader.return(undefined);
    }
  }

  async remove(): Promise<void> {
    this.entries = [];
    await Promise.all(this.files.map((file) => rm(file, { force: true })));
  }

  private async flush(): Promise<void> {
    const file = join(this.folder, `spool-${randomUUID()}`);
    const sorted = this.entries.sort(byOrder);
    const { sealer } = this;
    await writeWhole(
      file,
      (function* () {
        for (const { order, text } of sorted) yield `${order}\t${sealer.seal(text, order)}\n`;
      })(),
      0o600,
    );
    this.files.push(file);
    this.entries = [];
    this.size = 0;
  }

  private async *read(file: string): AsyncGenerator<Entry> {
    for await (const line of readLines(file)) {
      const tab = line.indexOf('\t');
      const order = line.slice(0, tab);
      yield { order, text: this.sealer.open(line.slice(tab + 1), order) };
    }
  }
}

/** Stable, as all sorting of arrays is. */
function byOrder(a: Entry, b: Entry): number {
  return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
}

async function* iterate(entries: readonly Entry[]): AsyncGenerator<Entry> {
  yield* entries;
}
