import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';

/** Something that listens on a port of its own, with every connection it has. */
export interface Site {
  port: number;
  close(): Promise<void>;
}

/** On 127.0.0.1 unless it is told another address; any free port unless it is told one. */
export async function listen(
  server: Server,
  { host = '127.0.0.1', port = 0 }: { host?: string; port?: number } = {},
): Promise<Site> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Speaks no protocol: does with each connection what it is told, once the first bytes are there. */
export function listenRaw(onRequest: (socket: Socket, request: string) => void): Promise<Site> {
  return listen(
    createServer((socket) => {
      socket.once('data', (bytes) => onRequest(socket, bytes.toString('latin1')));
    }),
  );
}
