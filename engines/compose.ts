// Starts a request's service from docker-compose.test.yml in a compose project of its own, where a Docker engine
// really runs; undefined where none does. A Docker that runs but fails is an error, not a reason to go on quietly.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { assetPath } from './assets.ts';
import { type Engine, type EngineRequest, engineName, type Progress } from './engine.ts';
import { kinds } from './kinds.ts';
import { guard } from './watchdog.ts';

const run = promisify(execFile);

const DETECT_TIMEOUT_MS = 10_000;

let docker: Promise<boolean> | undefined;

export async function startWithCompose(request: EngineRequest, onProgress: Progress): Promise<Engine | undefined> {
  const file = assetPath('docker-compose.test.yml');
  if (process.env.PLUMBLINE_TEST_DOCKER === 'off' || !existsSync(file)) return undefined;
  docker ??= dockerRuns();
  if (!(await docker)) return undefined;

  const name = engineName(request);
  const service = request.kind === 'postgres' && request.version === '15' ? 'postgres15' : request.kind;
  // Oracle takes no more than 30 characters before release 23.
  const password = randomBytes(12).toString('hex');
  // A project for each engine: two requests for one service get two servers, and stop() takes only its own down.
  const project = `plumbline-test-${randomBytes(4).toString('hex')}`;
  const prefix = ['compose', '--file', file, '--project-name', project];
  const env = {
    ...process.env,
    PLUMBLINE_TEST_PASSWORD: password,
    PLUMBLINE_TEST_POSTGRES_ARGS: postgresArguments(request.settings ?? {}),
  };
  const down = [...prefix, 'down', '--volumes', '--timeout', '5'];
  const release = guard({ command: ['docker', ...down] });
  const compose = (...args: string[]) => run('docker', [...prefix, ...args], { env });

  let stopped: Promise<void> | undefined;
  const stop = async (signal?: NodeJS.Signals) => {
    stopped ??= (async () => {
      if (signal !== undefined) await compose('kill', '--signal', signal);
      await run('docker', down, { env });
      release();
    })();
    await stopped;
  };

  onProgress(`${name}: starting ${service} with docker compose`);
  try {
    await compose('up', '--detach', '--wait', '--quiet-pull', service);
    const { port, url: urlOf, probe } = kinds[request.kind];
    const { stdout: address } = await compose('port', service, String(port));
    const url = urlOf(address.trim(), password);
    const found = await probe(url);
    onProgress(`${name}: ${found.version} ready`);
    return { kind: request.kind, name, url, ...found, stop };
  } catch (cause) {
    // What it could not take down now, the watchdog tries again later.
    await Promise.allSettled([stop()]);
    throw new Error(`docker compose could not start ${service}: ${(cause as Error).message.trim()}`, { cause });
  }
}

// The client without an engine behind it is common, and so is an engine without the compose plugin.
async function dockerRuns(): Promise<boolean> {
  const options = { timeout: DETECT_TIMEOUT_MS };
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], options);
    await run('docker', ['compose', 'version', '--short'], options);
    return true;
  } catch {
    return false;
  }
}

// The compose file puts these words into a command that compose splits as a shell would.
function postgresArguments(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `-c '${`${key}=${value}`.replaceAll("'", "'\\''")}'`)
    .join(' ');
}
