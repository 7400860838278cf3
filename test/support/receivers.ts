import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { pollUntil } from './poll.ts';

export interface Mail {
  to: string[];
  text: string;
}

/** A mail server that keeps what it takes; `refuse` makes it answer so instead. */
export async function startMailServer(
  port = 0,
  host = '127.0.0.1',
): Promise<{
  url: string;
  port: number;
  mails: Mail[];
  refuse: { code: number; message: string } | null;
  close(): Promise<void>;
}> {
  const mails: Mail[] = [];
  const state = { refuse: null as { code: number; message: string } | null };
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo: (_address, _session, callback) => {
      if (!state.refuse) return callback();
      callback(Object.assign(new Error(state.refuse.message), { responseCode: state.refuse.code }));
    },
    onData: (stream, session, callback) => {
      const pieces: Buffer[] = [];
      stream.on('data', (piece: Buffer) => pieces.push(piece));
      stream.on('end', () => {
        mails.push({
          to: session.envelope.rcptTo.map(({ address }) => address),
          text: Buffer.concat(pieces).toString(),
        });
        callback();
      });
    },
  });
  server.on('error', () => undefined);
  server.listen(port, host);
  await once(server.server, 'listening');
  const actual = (server.server.address() as AddressInfo).port;
  return Object.assign(state, {
    url: `smtp://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    port: actual,
    mails,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  });
}

export interface Post {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver of web hooks that keeps what it gets; it answers with `status`, or never (0). `port` 0: any free one. */
export async function startReceiver(port = 0): Promise<{
  url: string;
  posts: Post[];
  status: number;
  close(): Promise<void>;
}> {
  const posts: Post[] = [];
  const state = { status: 204 };
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      posts.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
      if (state.status > 0) response.writeHead(state.status, { location: '/elsewhere' }).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    posts,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

export const hasMosquitto = existsSync('/usr/sbin/mosquitto');

/** Mosquitto on a free port. */
export async function startBroker(): Promise<{ url: string; close(): Promise<void> }> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const broker = spawn('/usr/sbin/mosquitto', ['-p', String(port)], { stdio: 'ignore' });
  await pollUntil(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== null));
        socket.on('error', () => resolve(false));
      }),
    (isUp) => isUp,
  );
  return {
    url: `mqtt://127.0.0.1:${port}`,
    close: async () => {
      broker.kill();
      if (broker.exitCode === null) await once(broker, 'exit');
    },
  };
}
