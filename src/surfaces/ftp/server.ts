/**
 * The FTP server as a part of the product: listens in clear and, where it is asked for, by implicit TLS; counts who is
 * there; and at the stop abandons transfers so that they can be gone on with.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Logger } from '../../lib/logger.ts';
import { delay } from '../../lib/delay.ts';
import type { Service } from '../../lib/service.ts';
import { plainAddress } from './addresses.ts';
import { Conversation } from './conversation.ts';
import type { FtpServices } from './ports.ts';
import { formatReply, reply } from './replies.ts';

export interface FtpDoor {
  host: string;
  /** 0: any free one. */
  port: number;
  /** True: TLS from the first byte, as on port 990. */
  isImplicitTls: boolean;
  /**
   * It cannot be listened on.
   * @returns what the start ends with; null: it goes on without this door
   */
  onTaken(error: unknown): Error | null;
}

export interface FtpServerOptions {
  doors: readonly FtpDoor[];
  /** At once. */
  sessions: number;
  sessionsPerAddress: number;
  services: FtpServices;
  logger: Logger;
}

export interface OpenDoor {
  host: string;
  port: number;
  isImplicitTls: boolean;
}

/** At the stop: for what came of uploads to be put aside, and clients to hear of it. */
const lastWordsMs = 10_000;

export class FtpServer implements Service {
  readonly name = 'ftp';
  readonly #options: FtpServerOptions;
  readonly #servers: Server[] = [];
  readonly #conversations = new Set<Conversation>();
  readonly #sockets = new Set<Socket>();
  /** Where it really listens. Only after the start. */
  readonly doors: OpenDoor[] = [];

  constructor(options: FtpServerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    // A certificate that is not there should stop the start, not the first client.
    await this.#options.services.tls?.contexts();
    for (const door of this.#options.doors) await this.#open(door);
  }

  async stop(): Promise<void> {
    const closed = this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
    const stopped = Promise.all([...this.#conversations].map((conversation) => conversation.stop()));
    const isOver = new AbortController();
    await Promise.race([stopped, delay(lastWordsMs, isOver.signal)]);
    // Its timer would keep the process.
    isOver.abort();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #open(door: FtpDoor): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#welcome(socket, door));
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: door.host, port: door.port }, resolve);
      });
    } catch (error) {
      const problem = door.onTaken(error);
      if (problem) throw problem;
      return;
    }
    server.on('error', (error) =>
      this.#options.logger.error({ err: error }, 'FTP takes no connection just now.'),
    );
    this.#servers.push(server);
    const { host, isImplicitTls } = door;
    this.doors.push({ host, port: (server.address() as AddressInfo).port, isImplicitTls });
  }

  #welcome(socket: Socket, { isImplicitTls }: FtpDoor): void {
    socket.on('error', () => {});
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const address = plainAddress(socket.remoteAddress ?? '');
    const refusal = this.#refusalFor(address);
    if (refusal !== null) {
      // Who speaks TLS would not understand it.
      socket.end(isImplicitTls ? '' : formatReply(reply(421, refusal)));
      socket.resume();
      setTimeout(() => socket.destroy(), 1_000).unref();
      return;
    }
    const conversation = new Conversation(socket, this.#options.services, () =>
      this.#conversations.delete(conversation),
    );
    this.#conversations.add(conversation);
    conversation.begin(isImplicitTls ? 'by TLS' : 'in clear').catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'An FTP session could not begin.');
      socket.destroy();
    });
  }

  #refusalFor(address: string): string | null {
    const { sessions, sessionsPerAddress } = this.#options;
    if (this.#conversations.size >= sessions) return `${sessions} sessions are open, and no more are taken.`;
    const theirs = [...this.#conversations].filter(({ peer }) => peer === address).length;
    return theirs >= sessionsPerAddress
      ? `${theirs} sessions of ${address} are open, and no more are taken.`
      : null;
  }
}
