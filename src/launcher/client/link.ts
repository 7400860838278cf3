import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createDecoder } from '../codec.ts';
import { createMessageWriter } from '../message-writer.ts';
import { olderVersions, protocolVersion, type ToLauncher, type ToWorker } from '../protocol.ts';
import { checkPrivateFolder, fitsSocket, socketFile, socketPathFile } from '../server.ts';

export type LauncherHello = Extract<ToWorker, { type: 'hello' }>;

export interface LinkListener {
  /** The bytes are there until it returns. */
  onMessage(message: ToWorker, bytes: Buffer): void;
  onClose(): void;
}

export interface LauncherLink {
  readonly hello: LauncherHello;
  send(message: ToLauncher, bytes?: Uint8Array): void;
  /** With the next message, or some milliseconds later. */
  sendLater(message: ToLauncher): void;
  /** Nothing is delivered before. */
  listen(listener: LinkListener): void;
  close(): void;
}

const helloTimeoutMs = 5_000;

/** All links read on one thread and use what they read at once, so one buffer serves them all. */
const shared = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * The connection to the launcher of that folder; null when none runs.
 * @param separatesOwners it is to have been started so
 * @throws when one runs that cannot be used: of another version, or it does not answer
 */
export async function connectToLauncher(
  folder: string,
  separatesOwners: boolean,
): Promise<LauncherLink | null> {
  const path = readSocketPath(folder);
  // A record outlives its launcher: a restart of the machine empties /tmp, and a link on the way may be gone.
  if (path === null || !existsSync(dirname(path))) return null;
  checkPrivateFolder(dirname(path));
  const reader: Reader = { onBytes: () => {} };
  const socket = await openSocket(path, reader);
  return socket && shakeHands(socket, reader, separatesOwners);
}

function readSocketPath(folder: string): string | null {
  // Whatever the record says: the folder may have been moved, and its launcher with it.
  const near = join(folder, socketFile);
  if (fitsSocket(near) && lstatSync(near, { throwIfNoEntry: false })?.isSocket()) return near;
  try {
    return readFileSync(join(folder, socketPathFile), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The last: it was killed between our connecting and its accepting. */
const nobodyThere = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET']);

interface Reader {
  onBytes(bytes: Buffer): void;
}

function openSocket(path: string, reader: Reader): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const take = (length: number): boolean => {
      reader.onBytes(shared.subarray(0, length));
      return true;
    };
    const socket = connect({ path, onread: { buffer: shared, callback: take } });
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (nobodyThere.has(error.code ?? '')) resolve(null);
      else reject(error);
    });
  });
}

function shakeHands(socket: Socket, reader: Reader, separatesOwners: boolean): Promise<LauncherLink | null> {
  return new Promise((resolve, reject) => {
    let listener: LinkListener | null = null;
    let isClosed = false;
    let asked = protocolVersion;
    const early: { message: ToWorker; bytes: Buffer }[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`The launcher did not answer within ${helloTimeoutMs} ms.`));
    }, helloTimeoutMs);
    const writer = createMessageWriter(socket);
    const link = (hello: LauncherHello): LauncherLink => ({
      hello,
      send: (message, bytes) => writer.write(message, bytes),
      sendLater: (message) => writer.writeLater(message),
      listen(newListener) {
        listener = newListener;
        for (const { message, bytes } of early.splice(0)) listener.onMessage(message, bytes);
        if (isClosed) listener.onClose();
      },
      close: () => socket.destroySoon(),
    });
    const decoder = createDecoder((head, bytes) => {
      const message = head as ToWorker;
      if (listener) return listener.onMessage(message, bytes);
      if (message.type !== 'hello') return void early.push({ message, bytes: Buffer.from(bytes) });
      const answer = answerTo(message, { asked, separatesOwners });
      if (answer === 'ask as older') {
        asked = message.version;
        return writer.write({ type: 'hello', version: asked } satisfies ToLauncher);
      }
      clearTimeout(timer);
      if (answer === 'accept') return resolve(link(message));
      socket.destroy();
      if (answer === 'send away') {
        process.kill(message.pid, 'SIGTERM');
        resolve(null);
      } else reject(answer);
    });
    reader.onBytes = (bytes) => decoder.push(bytes);
    // What follows is 'close'.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      isClosed = true;
      resolve(null);
      listener?.onClose();
    });
    writer.write({ type: 'hello', version: protocolVersion } satisfies ToLauncher);
  });
}

/** Of this version, and started as it would be now. */
export function isCurrent({ version, separation }: LauncherHello, separatesOwners: boolean): boolean {
  return version === protocolVersion && Boolean(separation) === separatesOwners;
}

/**
 * After an upgrade: an idle launcher of the old version is sent away. A busy one is spoken to as its own worker would, if
 * we still can: it serves whoever says its version.
 */
function answerTo(
  hello: LauncherHello,
  { asked, separatesOwners }: { asked: number; separatesOwners: boolean },
): 'accept' | 'ask as older' | 'send away' | Error {
  const { version, pid, held } = hello;
  if (isCurrent(hello, separatesOwners)) return 'accept';
  if (held.length === 0) return 'send away';
  if (version === asked) return 'accept';
  if (olderVersions.includes(version)) return 'ask as older';
  return new Error(
    `The launcher (process ${pid}) speaks version ${version} of the protocol, this worker version ${protocolVersion}, ` +
      `and it still holds ${held.length} programs. Start the version of before to let them end, or end process ${pid} ` +
      'with SIGKILL to lose them.',
  );
}
