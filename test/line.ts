// A line to a server that a test can cut and mend: a TCP proxy on a port of its own.

import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Line {
  /** The server's URL, by way of the line. */
  readonly url: string;
  /** Ends every connection and takes no new ones, as a server that was killed. */
  cut(): void;
  /** Lets connections through again. */
  mend(): void;
}

/**
 * `cutAfter`: bytes from the server after which the line is cut by itself; `atCut` is called just before. It is closed when the test is
 * over.
 */
export async function openLine(
  target: string,
  cutAfter = Number.POSITIVE_INFINITY,
  atCut: () => void = () => {},
): Promise<Line> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isCut = false;
  let passed = 0;
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const server: Server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = dial(Number(port), hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (chunk) => {
      passed += chunk.length;
      if (passed > cutAfter) {
        atCut();
        cut();
      } else if (!near.write(chunk)) {
        far.pause();
        near.once('drain', () => far.resume());
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    cut();
    server.close();
  });
  const own = (server.address() as { port: number }).port;
  return {
    url: target.replace(`${hostname}:${port}`, `127.0.0.1:${own}`),
    cut,
    mend: () => {
      isCut = false;
    },
  };
}
