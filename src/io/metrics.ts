import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UsageError } from './streams.js';

/** Where metrics are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

export interface ServedMetrics {
  readonly port: number;
  close(): void;
}

/** Connections at a time: Prometheus needs one. */
const MAX_CONNECTIONS = 16;
/** Milliseconds that a request may take to arrive. */
const DEADLINE_MS = 5000;

/** Serves what `text` gives at `/metrics`. @throws UsageError when it cannot listen there */
export async function serveMetrics({ host, port }: MetricsAddress, text: () => string): Promise<ServedMetrics> {
  const server = createServer({ requestTimeout: DEADLINE_MS, headersTimeout: DEADLINE_MS }, (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' || path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('metrics are at /metrics\n');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text());
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new UsageError(
          `--metrics: cannot listen at ${host} port ${port}: ${LISTEN[error.code ?? ''] ?? error.message}`,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  // What is served tells of traffic, but the program ends when the traffic does.
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

const LISTEN: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EACCES: 'ports below 1024 need rights',
  EADDRNOTAVAIL: 'this machine has no such address',
};
