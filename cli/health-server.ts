// Health over HTTP: the last look at the probes and the last runs of replicas as metrics, and whether this process lives and is ready. A request
// asks no server and no probe: it is answered from what the last round left, at once.

import { createServer, type Server } from 'node:http';
import { isIPv6 } from 'node:net';
import { prometheus } from '../reports/prometheus.ts';
import type { Config } from '../src/config/config.ts';
import { wordsOf } from '../src/errors.ts';
import type { HealthReport } from '../src/health/health-report.ts';
import { readLastRuns } from '../src/run/last-runs.ts';
import { redact } from './redaction.ts';
import { UsageError } from './usage-error.ts';

export interface Listening {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

interface Page {
  readonly status: number;
  readonly text: string;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const PLAIN_TYPE = 'text/plain; charset=utf-8';
/** A client that does not send its request holds nothing up, and is not waited for. */
const REQUEST_MS = 10_000;

export class HealthServer {
  /** `http://127.0.0.1:7586` */
  readonly url: string;
  private readonly server: Server;
  private readonly config: Config;
  private report: HealthReport | undefined;

  private constructor(server: Server, config: Config, host: string) {
    this.server = server;
    this.config = config;
    const { port } = server.address() as { port: number };
    this.url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
    server.on('request', ({ method, url = '/' }, response) => {
      // No URL parser: it throws for what anybody may send.
      const path = url.split('?')[0]!;
      const readable = method === 'GET' || method === 'HEAD';
      const page = readable ? this.pageOf(path) : Promise.resolve({ status: 405, text: 'only GET and HEAD\n' });
      page
        .catch((error: unknown): Page => ({ status: 500, text: `${redact(wordsOf(error))}\n` }))
        .then(({ status, text }) => {
          const type = path === '/metrics' && status === 200 ? METRICS_TYPE : PLAIN_TYPE;
          response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
        });
    });
  }

  /** Throws a UsageError where it can't listen. */
  static async start(config: Config, { host, port }: Listening): Promise<HealthServer> {
    const server = createServer({
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      keepAliveTimeout: REQUEST_MS,
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(cantListen(error, host, port)));
      server.listen({ host, port }, resolve);
    });
    return new HealthServer(server, config, host);
  }

  /** What requests are answered from now on. */
  show(report: HealthReport): void {
    this.report = report;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async pageOf(path: string): Promise<Page> {
    switch (path) {
      case '/metrics': {
        let text = '';
        const lastRuns = await readLastRuns(this.config);
        for await (const piece of prometheus({ health: this.report, lastRuns })) text += piece;
        return { status: 200, text };
      }
      case '/livez':
        return { status: 200, text: 'ok\n' };
      case '/readyz':
        return this.report === undefined
          ? { status: 503, text: 'the first look is not done\n' }
          : { status: 200, text: 'ok\n' };
      case '/':
        return { status: 200, text: 'plumbline health: /metrics /livez /readyz\n' };
      default:
        return { status: 404, text: 'there is /metrics, /livez and /readyz\n' };
    }
  }
}

function cantListen(error: NodeJS.ErrnoException, host: string, port: number): UsageError {
  const hints: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another process has it: choose one with --port, or --port 0 for any that is free.',
    EACCES: 'Ports below 1024 are for root: choose another with --port.',
  };
  const where = `${host} port ${port}`;
  return new UsageError(
    error.code === 'EADDRINUSE' ? `${where} is taken` : `can’t listen on ${where}: ${wordsOf(error)}`,
    hints[error.code ?? ''] ?? 'Choose an address of this machine with --host.',
  );
}
