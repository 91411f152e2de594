// Starts the MongoDB stand-in (mongo-java-server behind engines/mongodb/WireServer.java), building it on first use.
// It keeps its data in memory; it is never passed off as MongoDB itself.

import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { assetPath } from './assets.ts';
import { cachedFolder } from './cached-folder.ts';
import { type Engine, type EngineRequest, engineName, type Progress } from './engine.ts';
import { makeEngineFolder, makeStop, waitUntilReady } from './local-engine.ts';
import { type LoggedProcess, runProgram, startProgram } from './logged-process.ts';

const SOURCES = ['pom.xml', 'WireServer.java'] as const;
const DEFAULT_HEAP = '2g';
const READY_LINE = /^ready (mongodb:\S+)$/m;

export async function startMongodb(request: EngineRequest, onProgress: Progress): Promise<Engine> {
  const name = engineName(request);
  const heap = request.memory ?? DEFAULT_HEAP;
  if (!/^\d+[kmg]$/i.test(heap)) throw new Error(`memory is "${heap}", but must look like 512m or 3g`);
  const build = await buildStandIn((line) => onProgress(`${name}: ${line}`));
  const began = Date.now();
  const folder = await makeEngineFolder(name);
  const logFile = join(folder.path, 'server.log');
  let server: LoggedProcess | undefined;
  try {
    server = await startProgram({
      command: javaTool('java'),
      args: [
        `-Xmx${heap}`,
        // The default collector starts a thread a core, beside the very work that is being measured.
        '-XX:+UseSerialGC',
        // Its file under the temporary folder would outlive a kill.
        '-XX:-UsePerfData',
        '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
        '-cp',
        `${build}/lib/*:${build}/classes`,
        'WireServer',
        '0',
      ],
      folder: folder.path,
      logFile,
      env: withoutJavaOptions(),
      lastSignal: 'SIGKILL',
    }).catch(explainMissing);
    const { log } = server;
    const ready = await waitUntilReady('mongodb', server, () => READY_LINE.exec(log())?.[1]);
    server.unref();
    onProgress(`${name}: ${ready.version} ready after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    return { kind: 'mongodb', name, ...ready, pid: server.pid, stop: makeStop(server, folder, 'SIGTERM') };
  } catch (error) {
    await server?.stop('SIGKILL');
    await folder.remove();
    throw error;
  }
}

async function buildStandIn(onProgress: Progress): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(await readFile(assetPath('engines', 'mongodb', source)));
  const key = hash.digest('hex').slice(0, 12);
  return cachedFolder(join(homedir(), '.cache', 'plumbline', 'engines', key), async (unfinished) => {
    onProgress('building the stand-in with Maven (once)');
    const began = Date.now();
    for (const source of SOURCES) await cp(assetPath('engines', 'mongodb', source), join(unfinished, source));
    const step = { folder: unfinished, env: process.env, lastSignal: 'SIGKILL' } as const;
    await runProgram({
      ...step,
      command: 'mvn',
      args: ['--quiet', '--batch-mode', 'dependency:copy-dependencies', '-DoutputDirectory=lib'],
      logFile: join(unfinished, 'mvn.log'),
    }).catch(explainMissing);
    await runProgram({
      ...step,
      command: javaTool('javac'),
      args: ['--release', '17', '-cp', 'lib/*', '-d', 'classes', 'WireServer.java'],
      logFile: join(unfinished, 'javac.log'),
    }).catch(explainMissing);
    onProgress(`built after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  });
}

function javaTool(name: string): string {
  const home = process.env.JAVA_HOME;
  return home === undefined || home === '' ? name : join(home, 'bin', name);
}

// The JVM announces each of these on its output, and a heap in them would compete with ours.
function withoutJavaOptions(): NodeJS.ProcessEnv {
  const { JAVA_TOOL_OPTIONS: _tool, _JAVA_OPTIONS: _options, JDK_JAVA_OPTIONS: _jdk, ...env } = process.env;
  return env;
}

function explainMissing(cause: NodeJS.ErrnoException): never {
  if (cause.code !== 'ENOENT') throw cause;
  throw new Error(`the MongoDB stand-in needs Java 17 and Maven, and ${cause.path ?? 'one of them'} was not found`, {
    cause,
  });
}
