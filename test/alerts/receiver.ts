// A receiver of webhooks as there are: a real HTTP server of the test's own, which answers what it is told to.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Alert } from '../../src/alerts/alert.ts';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  // biome-ignore lint/suspicious/noExplicitAny: what came is looked into by hand
  readonly body: any;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** The bodies, where alerts came as they are. */
  alerts(): readonly Alert[];
  /** What the next requests are answered; 200 afterwards. `never`: not at all. */
  answer(...next: readonly Answer[]): void;
}

export type Answer = number | 'never' | ((response: ServerResponse) => void);

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let answers: Answer[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      received.push({ method, path: url, headers, body: JSON.parse(text) });
      const answer = answers.shift() ?? 200;
      if (typeof answer === 'function') answer(response);
      else if (answer !== 'never') response.writeHead(answer).end(answer === 200 ? 'ok' : 'not today');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hooks/a-long-secret-token`,
    received,
    alerts: () => received.map(({ body }) => body),
    answer: (...next) => {
      answers = [...next];
    },
  };
}
