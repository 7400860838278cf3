import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { plainAddress } from './addresses.ts';
import { LineReader, type ControlLine } from './line-reader.ts';
import { formatReply, type Reply } from './replies.ts';
import { untilSecure } from './tls-handshake.ts';

export interface ControlEvents {
  onLine(line: ControlLine): void;
  /** Once: the other side closed or broke the connection. Not after `close`. */
  onLost(): void;
}

/** Replies that wait for a client which reads none; more of them, and the connection is given up. */
const mostUnread = 4_194_304;
const lastWordsMs = 2_000;

/** The control connection: lines come in, replies go out, in clear or by TLS. */
export class Control {
  /** Of the other side, and ours. */
  readonly peer: string;
  readonly local: string;
  readonly #events: ControlEvents;
  readonly #reader = new LineReader();
  #socket: Socket;
  #detach: () => void;
  #isClosed = false;

  constructor(socket: Socket, events: ControlEvents) {
    this.peer = plainAddress(socket.remoteAddress ?? '');
    this.local = plainAddress(socket.localAddress ?? '');
    this.#events = events;
    this.#socket = socket;
    // A NAT on the way forgets a connection that is silent while a long transfer runs.
    socket.setKeepAlive(true, 60_000);
    socket.setNoDelay(true);
    this.#detach = this.#attach(socket);
  }

  get isSecure(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when the client keeps up with reading, or is gone. */
  async send(reply: Reply): Promise<void> {
    await this.write(formatReply(reply));
  }

  /** Bytes as they are. */
  async write(bytes: Buffer): Promise<void> {
    const socket = this.#socket;
    if (this.#isClosed || !socket.writable) return;
    if (socket.writableLength > mostUnread) return this.#lose();
    if (socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Answers and goes on with TLS. What came in clear behind the command is thrown away: somebody on the way may have
   * added it (RFC 4217, section 15.2). The rest of it, if there is any, is no TLS and ends the handshake.
   * @throws when the handshake fails or takes longer than `withinMs`
   */
  async startTls(context: SecureContext, options: { answer: Reply | null; withinMs: number }): Promise<void> {
    const plain = this.#socket;
    this.#detach();
    plain.pause();
    this.#reader.clear();
    // Later errors are those of the TLS socket.
    plain.on('error', () => {});
    const { answer } = options;
    // Without an answer nothing was said in clear: what is there is the handshake.
    if (answer) while (plain.read() !== null);
    if (answer) await new Promise<void>((resolve) => plain.write(formatReply(answer), () => resolve()));
    const secure = new TLSSocket(plain, { isServer: true, secureContext: context });
    this.#socket = secure;
    await untilSecure(secure, options.withinMs);
    this.#detach = this.#attach(secure);
  }

  /** Says a last reply and closes; resolves when it is on its way. */
  async close(last?: Reply): Promise<void> {
    if (this.#isClosed) return;
    const sent = last ? this.send(last) : undefined;
    this.#isClosed = true;
    const socket = this.#socket;
    const cut = setTimeout(() => socket.destroy(), lastWordsMs);
    socket.once('close', () => clearTimeout(cut));
    // Closed at once with something unread, the kernel would take the last words back (RFC 9293, section 3.6.1).
    socket.once('end', () => socket.destroySoon());
    await sent;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end(() => resolve());
    });
  }

  /** At once, without a word. */
  destroy(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  #lose(): void {
    if (this.#isClosed) return;
    this.destroy();
    this.#events.onLost();
  }

  #attach(socket: Socket): () => void {
    const onData = (chunk: Buffer): void => {
      for (const line of this.#reader.feed(chunk)) {
        if (this.#socket !== socket || this.#isClosed) return;
        this.#events.onLine(line);
      }
    };
    const onLost = (): void => this.#lose();
    socket.on('data', onData).on('end', onLost).on('close', onLost).on('error', onLost);
    return () => socket.off('data', onData).off('end', onLost).off('close', onLost).off('error', onLost);
  }
}
