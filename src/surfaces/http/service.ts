import type { AddressInfo } from 'node:net';
import { AppError } from '../../contract/errors.ts';
import type { Service } from '../../lib/service.ts';
import type { App } from './access.ts';

export interface HttpServiceOptions {
  app: App;
  host: string;
  /** 0 = any free one. */
  port: number;
  /** What sets the port. Default DAYBOOK_PORT. */
  portSetting?: string;
  /** True when nobody chose the port; the advice in the error differs. */
  portIsDefault: boolean;
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
        await app.listen({ host, port });
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
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${address.port}`;
}

function toListenError(
  error: unknown,
  { host, port, portIsDefault, portSetting = 'DAYBOOK_PORT' }: HttpServiceOptions,
): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const choose = portIsDefault
    ? `Set ${portSetting} to a free one (0 takes any), or stop the other program.`
    : `Set ${portSetting} to another one (0 takes any free one), or stop the other program.`;
  switch (code) {
    case 'EADDRINUSE':
      return new AppError('configuration', `Port ${port} on ${host} is taken by another program. ${choose}`, {
        cause: error,
      });
    case 'EACCES':
      return new AppError(
        'configuration',
        `This user may not listen on port ${port}. Set ${portSetting} to one above 1023.`,
        {
          cause: error,
        },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new AppError('configuration', `DAYBOOK_HOST is ${host}, which is no address of this machine.`, {
        cause: error,
      });
    default:
      return error;
  }
}
