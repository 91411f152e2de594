// The process ends in time though a server accepts and never answers, whatever its driver would wait for.

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentUrls, startSilentServer } from '../health/silent-server.ts';
import { freshFolder, startPlumbline } from './plumbline.ts';

const TIMEOUT_SECONDS = 1;
/** Beyond the time-out: starting Node and loading six drivers on a machine that is busy with other tests. Alone it is one or two. */
const PATIENCE_SECONDS = 40;
/** From the first word of the answer to the end. Alone it is half a second. */
const LINGERING_SECONDS = 10;

test('of all six kinds at once: exit 3, and each said to have timed out', async () => {
  const silent = await startSilentServer();
  const urls = Object.entries(silentUrls(silent.port));
  const folder = await freshFolder();
  const config = {
    source: { url: urls[0]![1] },
    stores: Object.fromEntries(urls.map(([kind, url]) => [kind, { kind, url }])),
    entities: { accounts: { table: 'accounts', touches: {} } },
    health: {
      timeout: `${TIMEOUT_SECONDS}s`,
      probes: Object.fromEntries(urls.map(([kind]) => [kind, { kind: 'query', server: kind, query: 'select 1' }])),
    },
  };
  await writeFile(join(folder, 'plumbline.yaml'), JSON.stringify(config));
  const began = performance.now();
  const { child, ended } = startPlumbline(['health'], { cwd: folder, env: { NOTHING: 'nothing' } });
  const answered = once(child.stdout!, 'data').then(() => performance.now());
  const { code, stdout, stderr } = await ended;
  const end = performance.now();
  expect(stderr).toBe('');
  for (const [kind] of urls) expect(stdout).toMatch(new RegExp(`\\? ${kind} +timed out after 1 s`));
  expect(code).toBe(3);
  expect((end - began) / 1000).toBeLessThan(TIMEOUT_SECONDS + PATIENCE_SECONDS);
  // No driver keeps it once all is said.
  expect((end - (await answered)) / 1000).toBeLessThan(LINGERING_SECONDS);
});
