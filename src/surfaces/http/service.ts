import type { AddressInfo } from 'node:net';
import { httpAddress } from '../../lib/host.ts';
import type { Service } from '../../lib/service.ts';
import type { App } from './access.ts';
import { toListenError, type ListenOptions } from './listen-error.ts';

export interface HttpServiceOptions extends ListenOptions {
  app: App;
  /** Holds the port until now; which port that is, it says when it lets go. */
  gate?: { handOver(): Promise<number> };
  /** How long requests that already run may take at the stop. Default 10 s. */
  graceMs?: number;
}

export interface HttpService extends Service {
  /** Where it really listens: `http://127.0.0.1:8000`. Only after the start. */
  url(): string;
}

/**
 * Listens, and stops gracefully: new requests hear `stopping`, streams end, running requests finish, idle
 * connections close; what still runs after `graceMs` is cut off.
 * `start` throws AppError `configuration` when the address cannot be listened on.
 */
export function createHttpService(options: HttpServiceOptions): HttpService {
  const { app, host, port } = options;
  let stopped: Promise<void> | undefined;
  return {
    name: 'http',
    start: async () => {
      try {
        await app.ready();
        await app.listen({ host, port: options.gate ? await options.gate.handOver() : port });
      } catch (error) {
        throw toListenError(error, options);
      }
    },
    stop: () => (stopped ??= stop(app, options.graceMs ?? 10_000)),
    url: () => toUrl(app.server.address(), host),
  };
}

async function stop(app: App, graceMs: number): Promise<void> {
  app.beginStopping();
  const cut = setTimeout(() => app.server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

function toUrl(address: AddressInfo | string | null, host: string): string {
  if (address === null || typeof address === 'string') throw new Error('The HTTP server does not listen.');
  return httpAddress(host, address.port);
}
