// What receivers were told, on disk. The newest of a row of numbered files counts. A change is written as the next number, which only one of
// several runs can create: the others read again and decide anew. So no lock can be left behind by a run that was killed, and no file is ever half written.

import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Standings } from './due.ts';

/** By receiver. */
export type Book = Readonly<Record<string, Standings>>;

const SCHEMA = 'plumbline.told/1';
const NUMBERED = /^(\d+)\.json$/;
/** What was replaced, or left half written, stays so long: until then no number is free again for a run that is slow to write. */
const KEPT_MS = 600_000;

export class Ledger {
  private readonly folder: string;

  /** Nothing is made before the first change. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** `change` may be asked several times; what it returned last is what was kept. Throws what the file system says. */
  async update<T>(change: (book: Book) => { readonly book: Book; readonly result: T }): Promise<T> {
    for (;;) {
      const since = Date.now();
      const { number, text, book } = await this.newest();
      const { book: next, result } = change(book);
      const changed = textOf(next);
      if (changed === text || (number === 0 && Object.keys(next).length === 0)) return result;
      if (!(await this.append(number + 1, changed, since))) continue;
      await this.tidy(number + 1);
      return result;
    }
  }

  /** An unreadable file counts as an empty one: rather told twice than not at all. */
  private async newest(): Promise<{ readonly number: number; readonly text: string; readonly book: Book }> {
    for (;;) {
      const number = Math.max(0, ...(await this.numbers()));
      if (number === 0) return { number, text: '', book: {} };
      try {
        const text = await readFile(this.file(number), 'utf8');
        return { number, text, book: bookOf(text) };
      } catch (error) {
        // Another run has gone on and removed it.
        if (!hasCode(error, 'ENOENT')) throw error;
      }
    }
  }

  /** False when another run was first. `since`: when what it follows was read. */
  private async append(number: number, text: string, since: number): Promise<boolean> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const part = join(this.folder, `.${randomBytes(6).toString('hex')}.part`);
    try {
      const file = await open(part, 'wx', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await link(part, this.file(number));
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return false;
      throw error;
    } finally {
      await rm(part, { force: true });
    }
    if (Date.now() - since < KEPT_MS / 2) return true;
    // We slept. Others may have gone beyond this number, and removed it again: then nobody reads ours.
    if (Math.max(...(await this.numbers())) === number) return true;
    await rm(this.file(number), { force: true });
    return false;
  }

  private async tidy(newest: number): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const number = Number(NUMBERED.exec(name)?.[1] ?? Number.NaN);
      if (!name.endsWith('.part') && !(number < newest)) continue;
      const path = join(this.folder, name);
      // Another run may be tidying as well.
      const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
      if (age > KEPT_MS) await rm(path, { force: true });
    }
  }

  private async numbers(): Promise<number[]> {
    try {
      return (await readdir(this.folder)).flatMap((name) => NUMBERED.exec(name)?.slice(1).map(Number) ?? []);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  private file(number: number): string {
    return join(this.folder, `${String(number).padStart(6, '0')}.json`);
  }
}

function textOf(book: Book): string {
  return `${JSON.stringify({ schema: SCHEMA, told: book }, null, 2)}\n`;
}

function bookOf(text: string): Book {
  try {
    const { schema, told } = JSON.parse(text) as { readonly schema: string; readonly told: Book };
    return schema === SCHEMA ? told : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
