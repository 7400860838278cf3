/**
 * What answers on the port until the server can: that the process is alive, and what it waits for. Without it whoever
 * watches the process (a supervisor, a health check of containers) would take a start that waits for its database, or
 * brings a large diary to a new schema, for a dead one, and kill it half-way.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toListenError, type ListenOptions } from './listen-error.ts';

const retryAfterSeconds = 5;

export class StartGate {
  readonly #options: ListenOptions;
  readonly #server: Server;
  #waitsFor = 'It starts.';

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      if (request.url === '/healthz') return answer(response, 200, { status: 'alive' });
      answer(response, 503, { code: 'starting', message: this.#waitsFor, details: [] });
    });
  }

  /** @throws AppError `configuration` when the address cannot be listened on */
  async open(): Promise<void> {
    const { host, port } = this.#options;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen({ host, port }, resolve);
      });
    } catch (error) {
      throw toListenError(error, this.#options);
    }
  }

  /** In a sentence for people. */
  say(waitsFor: string): void {
    this.#waitsFor = waitsFor;
  }

  /** Gives the port to the server, which listens on it next. @returns the port */
  async handOver(): Promise<number> {
    const { port } = this.#server.address() as AddressInfo;
    await this.close();
    return port;
  }

  /** Fine also when it never was opened. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    // The next request is for the server itself.
    connection: 'close',
    ...(status === 503 ? { 'retry-after': String(retryAfterSeconds) } : {}),
  });
  response.end(JSON.stringify(body));
}
