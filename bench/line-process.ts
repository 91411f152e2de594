// A process of its own that passes bytes between a port of this machine and a server, those from the server at a bounded rate: a line to a
// server on another machine. The work comes by message, and the process ends with its parent.

import { createServer, connect as dial, type Server, type Socket } from 'node:net';

export interface LineOrder {
  readonly host: string;
  readonly port: number;
  /** Bytes a second from the server, over all connections together. */
  readonly rate: number;
}

/** A line is free again when all that was sent over it has passed, milliseconds. */
interface Bucket {
  freeAt: number;
}

async function openLine({ host, port, rate }: LineOrder): Promise<number> {
  const bucket: Bucket = { freeAt: 0 };
  const server: Server = createServer({ noDelay: true }, (near) => {
    const far = dial({ host, port, noDelay: true });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
    near.pipe(far);
    void pass(far, near, bucket, rate).catch(() => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

/** One chunk after the other, each when the line has had time for it. */
async function pass(far: Socket, near: Socket, bucket: Bucket, rate: number): Promise<void> {
  for await (const chunk of far as AsyncIterable<Buffer>) {
    bucket.freeAt = Math.max(bucket.freeAt, performance.now()) + (1000 * chunk.length) / rate;
    const wait = bucket.freeAt - performance.now();
    if (wait >= 1) await new Promise((resolve) => setTimeout(resolve, wait));
    if (!near.write(chunk)) {
      await new Promise<void>((resolve) => {
        near.once('drain', resolve);
        near.once('close', resolve);
      });
    }
  }
  near.end();
}

process.on('message', async (orders: readonly LineOrder[]) => {
  process.send!(await Promise.all(orders.map(openLine)));
});
process.on('disconnect', () => process.exit());
