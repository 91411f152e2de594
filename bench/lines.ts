// Lines of a bounded rate between the bench and servers that run beside it.

import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { StoreServer } from './config.ts';
import type { LineOrder } from './line-process.ts';

/** Bytes a second from each store: slow enough that waiting for the stores is the bound, and not this machine's cores. */
export const LINE_RATE = 5_000_000;

/** Runs `work` with the same servers, each at the end of a line of its own. */
export async function withLines<T>(
  servers: readonly StoreServer[],
  work: (servers: readonly StoreServer[]) => Promise<T>,
): Promise<T> {
  const child = fork(join(import.meta.dirname, 'line-process.js'), { stdio: ['ignore', 2, 'inherit', 'ipc'] });
  try {
    const ports = await new Promise<readonly number[]>((resolve, reject) => {
      child.once('message', (message) => resolve(message as readonly number[]));
      child.once('error', reject);
      child.once('exit', (code, signal) => reject(new Error(`the lines ended early: ${signal ?? code}`)));
      child.send(servers.map(({ url }) => orderFor(url)));
    });
    return await work(servers.map((server, i) => ({ ...server, url: over(server.url, ports[i]!) })));
  } finally {
    child.disconnect();
  }
}

function orderFor(url: string): LineOrder {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), rate: LINE_RATE };
}

/** URLs of schemes that the class does not know keep their host. */
function over(url: string, port: number): string {
  const { host } = new URL(url);
  return url.replace(host, `127.0.0.1:${port}`);
}
