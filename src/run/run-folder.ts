// A run's folder: findings.ndjson, written as they are proven, and report.json, written whole at the end. Checkpoints and the journal of repairs
// will stand beside them.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Finding, Report } from '../report/report.ts';

const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';

/** `20261122-020003-k3f9`: UTC, then four letters so that two runs of a second differ. */
export function makeRunId(now: Date): string {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return `${time}-${Array.from({ length: 4 }, () => LETTERS[randomInt(LETTERS.length)]).join('')}`;
}

export class RunFolder {
  readonly path: string;
  private readonly stream: WriteStream;
  private failure: Error | undefined;

  private readonly redact: (text: string) => string;

  private constructor(path: string, stream: WriteStream, redact: (text: string) => string) {
    this.path = path;
    this.redact = redact;
    this.stream = stream;
    stream.on('error', (error) => {
      this.failure ??= error;
    });
  }

  /** `base` is the config's folder. Only its owner may read it: findings hold data. `redact` takes secrets out of reasons. */
  static async create(base: string, run: string, redact: (text: string) => string): Promise<RunFolder> {
    return RunFolder.open(join(base, 'runs', run), redact);
  }

  private static async open(path: string, redact: (text: string) => string): Promise<RunFolder> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const stream = createWriteStream(join(path, 'findings.ndjson'), { mode: 0o600 });
    await once(stream, 'open');
    return new RunFolder(path, stream, redact);
  }

  /** A folder inside this one for findings of its own. */
  async part(name: string): Promise<RunFolder> {
    return RunFolder.open(join(this.path, name), this.redact);
  }

  async add(finding: Finding): Promise<void> {
    this.check();
    const kept = finding.reason === undefined ? finding : { ...finding, reason: this.redact(finding.reason) };
    if (!this.stream.write(`${JSON.stringify(kept)}\n`)) await once(this.stream, 'drain');
  }

  /** Everything that was added is on disk when this returns. */
  async finish(): Promise<void> {
    this.stream.end();
    if (!this.stream.writableFinished && this.failure === undefined)
      await Promise.race([once(this.stream, 'finish'), once(this.stream, 'error')]);
    this.check();
  }

  async writeReport(report: Report): Promise<void> {
    const target = join(this.path, 'report.json');
    const file = await open(`${target}.part`, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(report, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${target}.part`, target);
  }

  findings(): AsyncGenerator<Finding> {
    return readFindings(this.path);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  private check(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}

/** The findings of a run's folder, one at a time. */
export async function* readFindings(path: string): AsyncGenerator<Finding> {
  const lines = createInterface({
    input: createReadStream(join(path, 'findings.ndjson')),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const line of lines) {
    if (line !== '') yield JSON.parse(line) as Finding;
  }
}
