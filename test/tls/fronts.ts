// Servers before servers: one that speaks TLS to the driver and plain text to the real server, and one that speaks no TLS and keeps what it is told.

import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { Pair } from './certificates.ts';

export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** `clientCa`: only clients with a certificate of this authority are let in. */
export async function tlsFront(to: number, { cert, key }: Pair, clientCa?: string): Promise<Front> {
  const options: TlsOptions = {
    cert: await readFile(cert),
    key: await readFile(key),
    ...(clientCa === undefined ? {} : { ca: await readFile(clientCa), requestCert: true, rejectUnauthorized: true }),
  };
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createTlsServer(options, (client) => {
    const real = connect(to, '127.0.0.1');
    for (const socket of [client, real]) keep(socket);
    client.pipe(real).pipe(client);
    client.on('close', () => real.destroy());
    real.on('close', () => client.destroy());
  });
  server.on('tlsClientError', () => {});
  server.on('connection', keep);
  return listening(server, sockets);
}

export interface Plain extends Front {
  /** What each connection sent, in the order in which they came. */
  readonly heard: readonly Buffer[];
}

/** Answers whatever comes first with `answer` and hangs up. */
export async function plainServer(answer: string): Promise<Plain> {
  const heard: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const index = heard.push(Buffer.alloc(0)) - 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      heard[index] = Buffer.concat([heard[index]!, bytes]);
      socket.end(answer);
    });
  });
  return { ...(await listening(server, sockets)), heard };
}

async function listening(server: Server, sockets: ReadonlySet<Socket>): Promise<Front> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
