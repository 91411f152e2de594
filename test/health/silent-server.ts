// A server that accepts and never says a word: the fault itself. It knows who has connected and who still is.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SilentServer {
  readonly port: number;
  readonly accepted: () => number;
  readonly connected: () => number;
}

/** Ended with the test. */
export async function startSilentServer(): Promise<SilentServer> {
  let accepted = 0;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    accepted++;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
    // Reads, and so sees when the other side leaves.
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, accepted: () => accepted, connected: () => open.size };
}

/** A URL of each kind of server that leads to this port. */
export function silentUrls(port: number): Readonly<Record<string, string>> {
  const at = `127.0.0.1:${port}`;
  return {
    postgres: `postgres://nobody@${at}/none`,
    mongodb: `mongodb://${at}/none`,
    cassandra: `cassandra://${at}/none?localDataCenter=datacenter1`,
    oracle: `oracle://nobody:\${NOTHING}@${at}/NONE`,
    neo4j: `bolt://${at}`,
    redis: `redis://${at}`,
  };
}
