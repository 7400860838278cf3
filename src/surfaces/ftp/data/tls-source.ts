/**
 * TLS for what comes in, with the one thing that Node's own does not tell: whether the end was said (a close_notify, RFC
 * 5246, section 7.2.1) or only the connection closed, which anybody on the way can do. Both are `end` there. So the closed
 * connection is kept from TLS: an end that comes all the same was said.
 */
import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContext } from 'node:tls';
import { untilSecure } from '../tls-handshake.ts';

/**
 * Emits `error` when the connection ends unsaid.
 * @throws when the handshake fails or takes longer than `withinMs`
 */
export async function secureSource(
  socket: Socket,
  { context, withinMs }: { context: SecureContext; withinMs: number },
): Promise<TLSSocket> {
  const wire = new Wire(socket);
  const secure = new TLSSocket(wire, { isServer: true, secureContext: context });
  wire.onClosed = () => cutUnlessEnded(wire, secure);
  secure.on('close', () => socket.destroySoon());
  await untilSecure(secure, withinMs);
  return secure;
}

/** Everything came that came, and nobody said that it was all. */
export class UnsaidEnd extends Error {
  constructor() {
    super('The TLS connection was cut: its end was not said.');
    this.name = 'UnsaidEnd';
  }
}

class Wire extends Duplex {
  readonly #socket: Socket;
  onClosed: () => void = () => {};

  constructor(socket: Socket) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('data', (chunk) => {
      // Before the push, which may ask for more at once.
      socket.pause();
      this.push(chunk);
    });
    socket.on('end', () => this.onClosed());
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.onClosed());
    socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, encoding, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }
}

/** What has arrived is still read to its end: the close_notify may be in it. TLS handles a chunk in the turn it gets it. */
function cutUnlessEnded(wire: Wire, secure: TLSSocket): void {
  if (secure.readableEnded || secure.destroyed) return;
  if (wire.readableLength > 0 || secure.readableLength > 0) {
    setTimeout(() => cutUnlessEnded(wire, secure), 5);
    return;
  }
  setTimeout(() => {
    if (secure.readableEnded || secure.destroyed) return;
    if (secure.readableLength > 0) return cutUnlessEnded(wire, secure);
    secure.destroy(new UnsaidEnd());
  }, 20);
}
