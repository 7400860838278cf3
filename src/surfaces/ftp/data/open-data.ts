import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type SecureContext } from 'node:tls';
import { Refusal, type Reply } from '../replies.ts';
import type { Session } from '../session.ts';
import { untilSecure } from '../tls-handshake.ts';
import type { Transfer } from '../transfer.ts';
import { Incoming } from './incoming.ts';
import { Outgoing, type DataOptions } from './outgoing.ts';
import { Pace } from './pace.ts';
import { StallClock } from './stall-clock.ts';
import { secureSource } from './tls-source.ts';

/** The other side gets so long to close after the end. */
const lingerMs = 10_000;
const handshakeMs = 20_000;

interface Start {
  session: Session;
  transfer: Transfer;
  /** Said when the data connection is there; null: it was said already. */
  answer: Reply | null;
}

/** Opens the connection, lets `work` send, and closes; what goes wrong closes it unsaid. */
export async function sendBy(start: Start, work: (out: Outgoing) => Promise<void>): Promise<void> {
  const { isDataPrivate, services } = start.session;
  await guarded(start, async (socket, options) => {
    let stream: Duplex = socket;
    if (isDataPrivate && services.tls)
      stream = await secureTarget(socket, (await services.tls.contexts()).usual);
    const out = new Outgoing(stream, options);
    await work(out);
    await out.finish();
    return stream;
  });
}

/** Opens the connection, and closes it when `work` is done with what comes. */
export async function receiveBy(start: Start, work: (data: Incoming) => Promise<void>): Promise<void> {
  const { isDataPrivate, services } = start.session;
  await guarded(start, async (socket, options) => {
    let stream: Duplex = socket;
    if (isDataPrivate && services.tls) {
      const { uploads: context } = await services.tls.contexts();
      stream = await secureSource(socket, { context, withinMs: handshakeMs }).catch(notSecured);
    }
    await work(new Incoming(stream, options));
    stream.end();
    return stream;
  });
}

async function connection({ session, transfer, answer }: Start): Promise<Socket> {
  if (session.services.settings.requiresTls && !session.isDataPrivate)
    throw new Refusal(522, 'Data is not sent in clear here: PBSZ 0 and PROT P first.');
  const socket = await session.data.take(transfer.signal);
  if (answer) await session.control.send(answer);
  return socket;
}

/** @param work gives back what it spoke by, ended */
async function guarded(
  start: Start,
  work: (socket: Socket, options: DataOptions) => Promise<Duplex>,
): Promise<void> {
  const { session, transfer } = start;
  const { stallMs, bytesPerSecond } = session.services.settings;
  const socket = await connection(start);
  // A reset, where an end could be taken for that of the file.
  const cut = (): void => void socket.resetAndDestroy();
  const { signal } = transfer;
  signal.addEventListener('abort', cut, { once: true });
  const clock = new StallClock(stallMs, () => transfer.abort('stalled'));
  try {
    const stream = await work(socket, { clock, pace: new Pace(bytesPerSecond), signal });
    letGo(socket, stream);
  } catch (error) {
    cut();
    throw error;
  } finally {
    signal.removeEventListener('abort', cut);
    clock.stop();
  }
}

/** Nothing more is wanted of it, but its end is, to be closed in good order. */
function letGo(socket: Socket, stream: Duplex): void {
  const cut = setTimeout(() => {
    stream.destroy();
    socket.destroy();
  }, lingerMs).unref();
  stream.once('close', () => clearTimeout(cut));
  stream.once('end', () => stream.destroy());
  stream.resume();
}

async function secureTarget(socket: Socket, context: SecureContext): Promise<Duplex> {
  const secure = new TLSSocket(socket, { isServer: true, secureContext: context });
  await untilSecure(secure, handshakeMs).catch(notSecured);
  secure.resume();
  // Whoever says the end before the file is there has gone; Node would wait for ever to write to them.
  secure.on('end', () => {
    if (!secure.writableFinished) secure.destroy();
  });
  return secure;
}

function notSecured(error: Error): never {
  throw new Refusal(425, `The data connection got no TLS: ${error.message}`);
}
