// Checksums of files: computed without holding more than a piece of one in memory, and read from what sha256sum and its kin write.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Checksum, parseChecksum } from './backup.ts';

const CHUNK = 1 << 18;
/** A file that has not changed is not read again by the same process for so long. Longer, and a byte that a disk lost would go unseen. */
const TRUSTED_MS = 24 * 3_600_000;
const MOST_KNOWN = 1000;

interface Known {
  /** What changes whenever anybody writes to the file. */
  readonly mark: string;
  readonly hex: string;
  readonly at: number;
}

const known = new Map<string, Known>();

/** Ended by the signal, with its reason. */
export class Unfinished extends Error {
  readonly bytesRead: number;

  constructor(bytesRead: number) {
    super('not read to its end');
    this.bytesRead = bytesRead;
  }
}

/** In small hexadecimal letters. Throws Unfinished when the signal comes first, and what the file system says. */
export async function checksumOf(file: string, algorithm: Checksum['algorithm'], signal: AbortSignal): Promise<string> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  const name = `${algorithm} ${file}`;
  const mark = [ino, size, mtimeNs, ctimeNs].join(' ');
  const before = known.get(name);
  if (before?.mark === mark && Date.now() - before.at < TRUSTED_MS) return before.hex;
  const hash = createHash(algorithm);
  let bytesRead = 0;
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: CHUNK, signal })) {
      hash.update(chunk);
      bytesRead += chunk.length;
    }
  } catch (error) {
    if (signal.aborted) throw new Unfinished(bytesRead);
    throw error;
  }
  const hex = hash.digest('hex');
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(name, { mark, hex, at: Date.now() });
  return hex;
}

/** The checksum that a file beside `file` holds; undefined where it holds none of it. */
export async function readSidecar(sidecar: string, file: string): Promise<Checksum | undefined> {
  const name = basename(file);
  for (const line of (await readFile(sidecar, 'utf8')).split('\n')) {
    // `HEX  NAME`, `HEX *NAME`, or as BSD writes it: `SHA256 (NAME) = HEX`. Alone in the file a bare HEX will do.
    const [, plain, named] = /^\\?([\da-f]+)(?:\s+\*?(.+?))?\s*$/i.exec(line) ?? [];
    const [, tagged, bsd] = /^\w+ \((.+)\) = ([\da-f]+)\s*$/i.exec(line) ?? [];
    const of = tagged ?? named;
    if (of === undefined || basename(of) === name) {
      const checksum = parseChecksum(bsd ?? plain ?? '');
      if (checksum !== undefined) return checksum;
    }
  }
  return undefined;
}
