// Writes that a file took while neither the source nor another store could: JSON lines in a file, or in the *.ndjson files of a folder. Which lines are
// settled stands in a file beside each until all are; then the file is archived or deleted.

import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InterruptedError, StoreError, wordsOf } from '../errors.ts';
import { readLines } from '../files/lines.ts';
import type { Contingency, ContingencyPlace, WaitingWrite } from '../stores/store.ts';
import { canonicalJson } from '../value/json.ts';

const PAGE = 1000;
const SETTLED = '.settled';
const ARCHIVE = 'drained';
const ENDING = '.ndjson';

interface Line {
  readonly id: string;
  readonly text: string;
  /** It has no end yet, so it may still be being written. */
  readonly isOpen: boolean;
}

/** `name`: the contingency store's, for messages. */
export function fileStore(name: string): Contingency {
  const during = async <T>(verb: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof StoreError || error instanceof InterruptedError) throw error;
      throw new StoreError(name, verb, wordsOf(error), { cause: error });
    }
  };
  return {
    async *waiting({ target }, signal) {
      for (const file of await during('read', () => filesOf(name, target))) {
        const pages = waitingIn(file, signal);
        for (;;) {
          const page = await during('read', () => pages.next());
          if (page.done) break;
          yield page.value;
        }
      }
    },
    settle: (place, ids) => during(`settle ${ids.length} lines`, () => settle(name, place, ids)),
  };
}

/** In the order of their names. A file that is not there has taken no write; its folder has to be. Throws a StoreError. */
async function filesOf(name: string, target: string): Promise<readonly string[]> {
  const found = await stat(target).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    if (target.endsWith(ENDING) && (await isFolder(dirname(target)))) return undefined;
    const hint = 'Check `files` under contingency.stores; an empty folder says that nothing waits.';
    throw new StoreError(name, 'read', `there is no ${target}`, { hint });
  });
  if (found === undefined) return [];
  if (!found.isDirectory()) return [target];
  const names = await readdir(target);
  return names
    .filter((file) => file.endsWith(ENDING))
    .sort()
    .map((file) => join(target, file));
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function* waitingIn(file: string, signal?: AbortSignal): AsyncGenerator<readonly WaitingWrite[]> {
  const settled = await settledIn(file);
  let page: WaitingWrite[] = [];
  for await (const { id, text, isOpen } of linesOf(file)) {
    if (signal?.aborted) throw new InterruptedError();
    if (settled.has(id)) continue;
    const write = writeOf(file, id, text);
    // What is being written right now is for the next time.
    if (isOpen && write.unread !== undefined) continue;
    page.push(write);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function writeOf(file: string, line: string, text: string): WaitingWrite {
  const id = `${basename(file)}:${line}`;
  try {
    return { id, content: canonicalJson(text) };
  } catch (error) {
    return { id, content: JSON.stringify(text), unread: wordsOf(error) };
  }
}

async function settle(name: string, { target, options }: ContingencyPlace, ids: readonly string[]): Promise<void> {
  const byFile = new Map<string, string[]>();
  for (const id of ids) {
    const [, file, line] = /^(.*):(\d+:[^:]+)$/s.exec(id)! as unknown as [string, string, string];
    byFile.set(file, [...(byFile.get(file) ?? []), line]);
  }
  for (const file of await filesOf(name, target)) {
    const lines = byFile.get(basename(file));
    if (lines === undefined) continue;
    await addSettled(file, lines);
    await retire(file, (options as { readonly after?: 'archive' | 'delete' } | undefined)?.after ?? 'archive');
  }
}

async function addSettled(file: string, lines: readonly string[]): Promise<void> {
  const handle = await open(`${file}${SETTLED}`, 'a', 0o600);
  try {
    await handle.appendFile(lines.map((line) => `${line}\n`).join(''));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Archives or deletes the file once all its lines are settled. One that is added to meanwhile stays. */
async function retire(file: string, how: 'archive' | 'delete'): Promise<void> {
  const { size } = await stat(file);
  const settled = await settledIn(file);
  for await (const { id } of linesOf(file)) if (!settled.has(id)) return;
  if ((await stat(file)).size !== size) return;
  const archive = join(dirname(file), ARCHIVE);
  await mkdir(archive, { recursive: true, mode: 0o700 });
  const moved = join(archive, `${new Date().toISOString().replace(/[-:.]/g, '')}-${basename(file)}`);
  await rename(file, moved);
  // Whoever had it open may have added a line between the look and the move: then it is not done with.
  if ((await stat(moved)).size !== size) {
    await rename(moved, file);
    return;
  }
  await rm(`${file}${SETTLED}`, { force: true });
  if (how === 'delete') await rm(moved, { force: true });
}

async function settledIn(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(`${file}${SETTLED}`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return new Set(text.split('\n').filter((line) => line !== ''));
}

/** A line is known by its number and what it says: a file of the same name that comes later has other lines. */
async function* linesOf(file: string): AsyncGenerator<Line> {
  const { size } = await stat(file);
  if (size === 0) return;
  const endsOpen = !(await endsWithNewline(file, size));
  let number = 0;
  let last: Line | undefined;
  for await (const text of readLines(file, size)) {
    number++;
    if (last !== undefined) yield last;
    last = undefined;
    if (text.trim() === '') continue;
    const hash = createHash('sha256').update(text).digest('base64url').slice(0, 16);
    last = { id: `${number}:${hash}`, text, isOpen: false };
  }
  if (last !== undefined) yield { ...last, isOpen: endsOpen };
}

async function endsWithNewline(file: string, size: number): Promise<boolean> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, 'r');
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
    return buffer[0] === 0x0a;
  } finally {
    await handle?.close();
  }
}
