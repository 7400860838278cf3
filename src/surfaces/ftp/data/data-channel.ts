/**
 * Where the next data connection comes from. PASV and EPSV open a port, PORT and EPRT connect at once; a transfer takes
 * what is there, and each of them replaces what was there before. A port is open for one connection, of the address that
 * the control connection comes from: strangers are cut off, and the port stays open for the right one.
 */
import { Socket, type Server } from 'node:net';
import { delay } from '../../../lib/delay.ts';
import { plainAddress, type Endpoint, type IsAllowedPeer } from '../addresses.ts';
import { Refusal } from '../replies.ts';
import { listenForData, portOf, type PortRange } from './passive-ports.ts';

export interface DataChannelOptions {
  /** Of the control connection. */
  peer: string;
  local: string;
  range: PortRange;
  isAllowedPeer: IsAllowedPeer;
}

const connectWithinMs = 10_000;
const acceptWithinMs = 20_000;
/** Somebody else has come already: perhaps the very client, by another address. */
const acceptAfterStrangerMs = 2_000;

interface Pending {
  connection: Promise<Socket>;
  strangers: string[];
  close(): void;
}

export class DataChannel {
  readonly #options: DataChannelOptions;
  #pending: Pending | null = null;
  #onOpen: (() => void) | null = null;

  constructor(options: DataChannelOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#pending !== null;
  }

  /** @throws Refusal when nothing was said of how data goes */
  require(): void {
    if (!this.#pending) throw new Refusal(425, 'Use PASV, EPSV, PORT or EPRT first.');
  }

  /** @returns the port. @throws Refusal when none is free */
  async listen(): Promise<number> {
    this.close();
    const server = await listenForData(this.#options.local, this.#options.range);
    if (!server) throw new Refusal(425, 'No port is free for a data connection; try again in a moment.');
    // Two commands at once cannot come here, but a session can end meanwhile.
    this.#open(this.#await(server));
    return portOf(server);
  }

  /** @throws Refusal when nobody listens there */
  async connect({ address, port }: Endpoint): Promise<void> {
    this.close();
    const socket = new Socket({ allowHalfOpen: true });
    socket.connect({ host: address, port, localAddress: this.#options.local });
    socket.on('error', () => {});
    await connected(socket, `${address}, port ${port}`);
    this.#open({ connection: Promise.resolve(socket), strangers: [], close: () => socket.destroy() });
  }

  /**
   * The connection for a transfer, which is the one who closes it.
   * @throws Refusal when there is none, or nobody comes
   */
  async take(signal: AbortSignal): Promise<Socket> {
    const pending = this.#pending;
    if (!pending) throw new Refusal(425, 'Use PASV, EPSV, PORT or EPRT first.');
    try {
      return await this.#within(pending, signal);
    } catch (error) {
      pending.close();
      throw error;
    } finally {
      if (this.#pending === pending) this.#pending = null;
    }
  }

  /** Resolves when there is a way, or never one within the time that a connection gets, which `take` then tells. */
  async untilOpen(signal: AbortSignal): Promise<void> {
    if (this.#pending) return;
    const waits = new AbortController();
    this.#onOpen = () => waits.abort();
    await delay(acceptWithinMs, AbortSignal.any([signal, waits.signal]));
    this.#onOpen = null;
  }

  #open(pending: Pending): void {
    this.#pending = pending;
    this.#onOpen?.();
  }

  close(): void {
    this.#pending?.close();
    this.#pending = null;
  }

  #await(server: Server): Pending {
    const strangers: string[] = [];
    let accepted: Socket | undefined;
    const connection = new Promise<Socket>((resolve) => {
      server.on('connection', (socket) => {
        socket.on('error', () => {});
        const address = plainAddress(socket.remoteAddress ?? '');
        if (accepted || !this.#options.isAllowedPeer(address, this.#options.peer)) {
          if (!accepted) strangers.push(address);
          socket.destroy();
          return;
        }
        accepted = socket;
        server.close();
        resolve(socket);
      });
    });
    return {
      connection,
      strangers,
      close: () => {
        server.close();
        accepted?.destroy();
      },
    };
  }

  async #within({ connection, strangers }: Pending, signal: AbortSignal): Promise<Socket> {
    const { peer } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const startedAt = performance.now();
    const failed = new Promise<never>((_, reject) => {
      const abort = (): void => reject(signal.reason as Error);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      timer = setInterval(() => {
        const waitedMs = performance.now() - startedAt;
        if (waitedMs < (strangers.length > 0 ? acceptAfterStrangerMs : acceptWithinMs)) return;
        reject(
          new Refusal(
            425,
            strangers.length > 0
              ? `The data connection came from ${strangers.at(-1)}, the control connection from ${peer}: refused.`
              : `No data connection came within ${acceptWithinMs / 1000} seconds.`,
          ),
        );
      }, 100);
    });
    try {
      return await Promise.race([connection, failed]);
    } finally {
      clearInterval(timer);
    }
  }
}

async function connected(socket: Socket, where: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const refuse = (why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Refusal(425, `No data connection to ${where}: ${why}.`));
    };
    const timer = setTimeout(() => refuse('no answer'), connectWithinMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => refuse(error.code ?? 'it failed'));
  });
}
