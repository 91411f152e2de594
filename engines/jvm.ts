// What the servers on Java have in common: the tool, its environment, the heap, and jars that Maven fetches once. It
// starts no server.

import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { assetPath } from './assets.ts';
import { cachedFolder } from './cached-folder.ts';
import type { EngineRequest, Progress } from './engine.ts';
import { runProgram } from './logged-process.ts';

// Maven does not lock its repository, and two downloads of one jar may spoil it.
const oneMaven = pLimit(1);

/** Of every server: its heap, the collector that leaves the other cores alone, and no file that outlives a kill. */
export function jvmArguments(request: EngineRequest, defaultHeap: string): string[] {
  const heap = request.memory ?? defaultHeap;
  if (!/^\d+[kmg]$/i.test(heap)) throw new Error(`memory is "${heap}", but must look like 512m or 3g`);
  const compiler = request.shortLived ? ['-XX:TieredStopAtLevel=1'] : [];
  return [`-Xmx${heap}`, '-XX:+UseSerialGC', '-XX:-UsePerfData', ...compiler];
}

export function javaTool(name: string): string {
  const home = process.env.JAVA_HOME;
  return home === undefined || home === '' ? name : join(home, 'bin', name);
}

/** Ours, without what would give the JVM options of its own: it announces each on its output, and a heap in them would compete. */
export function javaEnvironment(): NodeJS.ProcessEnv {
  const { JAVA_TOOL_OPTIONS: _tool, _JAVA_OPTIONS: _options, JDK_JAVA_OPTIONS: _jdk, ...env } = process.env;
  return env;
}

/**
 * A folder with `lib/`, the jars that engines/FOLDER/pom.xml names, and the other `sources` beside it; `build` may add
 * to it. Filled once for each content of the sources.
 */
export async function mavenFolder(
  folder: string,
  sources: readonly string[],
  onProgress: Progress,
  build?: (unfinished: string) => Promise<void>,
): Promise<string> {
  const files = ['pom.xml', ...sources];
  const hash = createHash('sha256');
  for (const file of files) hash.update(await readFile(assetPath('engines', folder, file)));
  const name = `${folder}-${hash.digest('hex').slice(0, 12)}`;
  return cachedFolder(join(homedir(), '.cache', 'plumbline', 'engines', name), async (unfinished) => {
    onProgress('fetching its jars with Maven (once)');
    const began = Date.now();
    for (const file of files) await cp(assetPath('engines', folder, file), join(unfinished, file));
    await oneMaven(() => copyDependencies(unfinished));
    await build?.(unfinished);
    onProgress(`fetched after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });
}

async function copyDependencies(folder: string): Promise<void> {
  const goal = 'dependency:copy-dependencies';
  await runProgram({
    command: 'mvn',
    args: ['--quiet', '--batch-mode', goal, '-DincludeScope=runtime', '-DoutputDirectory=lib'],
    folder,
    logFile: join(folder, 'mvn.log'),
    env: process.env,
    lastSignal: 'SIGKILL',
  }).catch(explainMissing);
}

export function explainMissing(cause: NodeJS.ErrnoException): never {
  if (cause.code !== 'ENOENT') throw cause;
  throw new Error(`it needs Java 17 and Maven, and ${cause.path ?? 'one of them'} was not found`, { cause });
}
