// From a request to the server that a variable of the environment names, if one does. It never starts or stops
// anything: that server is somebody else's.

import { type Engine, type EngineRequest, engineName, type Progress } from './engine.ts';
import { kinds } from './kinds.ts';

export function environmentVariable(request: EngineRequest): string {
  const kind = request.kind === 'postgres' && request.version === '15' ? 'postgres15' : request.kind;
  const words = request.name === undefined ? [kind] : [kind, request.name];
  return `PLUMBLINE_TEST_${words.join('_')}_URL`.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
}

export async function connectFromEnvironment(
  request: EngineRequest,
  onProgress: Progress,
): Promise<Engine | undefined> {
  const variable = environmentVariable(request);
  const url = process.env[variable];
  if (url === undefined || url === '') return undefined;
  const name = engineName(request);
  const found = await kinds[request.kind].probe(url).catch((cause: Error) => {
    throw new Error(`the server of ${variable} does not answer: ${cause.message}`, { cause });
  });
  onProgress(`${name}: ${found.version} from ${variable}`);
  if (request.settings !== undefined) onProgress(`${name}: its settings are left as they are`);
  return { kind: request.kind, name, url, ...found, stop: async () => {} };
}
