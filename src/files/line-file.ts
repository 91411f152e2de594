// A file that grows by one JSON document a line: gathered in memory up to a block, on disk when it is asked for.

import { type FileHandle, open } from 'node:fs/promises';
import { naming } from './naming.ts';

const BLOCK = 1 << 16;

export class LineFile {
  private readonly path: string;
  private readonly file: FileHandle;
  private pending: string[] = [];
  private size = 0;
  /** One write after the other, whoever asked for it. */
  private writing: Promise<void> = Promise.resolve();
  private isClosed = false;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.file = file;
  }

  /** What is there already stays when `isGoneOnWith`. Readable by its owner only. */
  static async open(path: string, isGoneOnWith: boolean): Promise<LineFile> {
    return new LineFile(path, await open(path, isGoneOnWith ? 'a' : 'w', 0o600));
  }

  async add(document: object): Promise<void> {
    const line = `${JSON.stringify(document)}\n`;
    this.pending.push(line);
    this.size += line.length;
    if (this.size >= BLOCK) await this.flush();
  }

  /** Everything that was added is on disk when this returns. */
  async sync(): Promise<void> {
    await this.flush();
    await naming(this.path, () => this.file.datasync());
  }

  /** Takes away everything that was added. */
  async clear(): Promise<void> {
    await this.flush();
    await this.file.truncate(0);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      await this.sync();
    } finally {
      await this.file.close();
    }
  }

  private flush(): Promise<void> {
    const text = this.pending.join('');
    this.pending = [];
    this.size = 0;
    const before = this.writing;
    const done = before.then(() => (text === '' ? undefined : naming(this.path, () => this.file.appendFile(text))));
    // A failure is told to whoever waits for it, and to everybody after.
    done.catch(() => {});
    this.writing = done;
    return done;
  }
}
