// Starts the MongoDB stand-in (mongo-java-server behind engines/mongodb/WireServer.java), building it on first use.
// It keeps its data in memory; it is never passed off as MongoDB itself.

import { join } from 'node:path';
import { type EngineRequest, engineName, type LocalEngine, type Probed, type Progress } from './engine.ts';
import { explainMissing, javaEnvironment, javaTool, jvmArguments, mavenFolder } from './jvm.ts';
import { startLocally } from './local-engine.ts';
import { runProgram, startProgram } from './logged-process.ts';

const READY_LINE = /^ready (mongodb:\S+)$/m;
const TIMEOUT_MS = 5_000;

export async function startMongodb(request: EngineRequest, onProgress: Progress): Promise<LocalEngine> {
  if (request.durable) throw new Error('the stand-in for MongoDB has its data in memory only: it can’t be durable');
  const jvm = jvmArguments(request, '2g');
  const build = await mavenFolder(
    'mongodb',
    ['WireServer.java'],
    (line) => onProgress(`${engineName(request)}: ${line}`),
    compileStandIn,
  );
  const classPath = `${build}/lib/*:${build}/classes`;
  return startLocally(request, onProgress, {
    ports: 1,
    stopSignal: 'SIGTERM',
    lastSignal: 'SIGKILL',
    probe: probeMongodb,
    start: (folder, [port]) =>
      startProgram({
        command: javaTool('java'),
        args: [...jvm, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath, 'WireServer', String(port)],
        folder,
        logFile: join(folder, 'server.log'),
        env: javaEnvironment(),
        lastSignal: 'SIGKILL',
      }).catch(explainMissing),
    url: (_ports, log) => READY_LINE.exec(log)?.[1],
  });
}

export async function probeMongodb(url: string): Promise<Probed> {
  const { MongoClient } = await import('mongodb');
  const client = new MongoClient(url, { serverSelectionTimeoutMS: TIMEOUT_MS, appName: 'plumbline-engines' });
  try {
    const info = await client.db('admin').command({ buildInfo: 1 });
    // Our stand-in signs its buildInfo, so that it is known for one behind a URL too.
    return typeof info.standIn === 'string'
      ? { version: `${info.standIn} (as MongoDB ${info.version})`, standIn: true }
      : { version: `MongoDB ${info.version}`, standIn: false };
  } finally {
    await client.close();
  }
}

async function compileStandIn(folder: string): Promise<void> {
  await runProgram({
    command: javaTool('javac'),
    args: ['--release', '17', '-cp', 'lib/*', '-d', 'classes', 'WireServer.java'],
    folder,
    logFile: join(folder, 'javac.log'),
    env: process.env,
    lastSignal: 'SIGKILL',
  }).catch(explainMissing);
}
