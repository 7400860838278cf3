import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';

/** Both ends among them; null: any free one. */
export type PortRange = { readonly first: number; readonly last: number } | null;

/**
 * Opens a port for a data connection.
 * @returns null when every port of the range is taken
 */
export async function listenForData(host: string, range: PortRange): Promise<Server | null> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  for (const port of candidates(range)) {
    try {
      server.listen({ host, port });
      await once(server, 'listening');
      return server;
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
  return null;
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** From a place by chance on, so that nobody can tell which port is next (RFC 2577, section 8). */
function* candidates(range: PortRange): Generator<number> {
  if (!range) return yield 0;
  const count = range.last - range.first + 1;
  const start = Math.floor(Math.random() * count);
  for (let step = 0; step < count; step += 1) yield range.first + ((start + step) % count);
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}
