import { chmodSync, lstatSync, mkdtempSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Logger } from '../lib/logger.ts';
import { removeEmptyFolderSync, removeFileSync } from '../lib/remove.ts';

export const socketPathFile = 'socket-path';
/** sun_path holds 108 bytes with its final NUL. */
const maxSocketPathBytes = 107;
const refreshMs = 60 * 60 * 1000;

export interface SocketPlace {
  path: string;
  remove(): void;
}

/** In the launcher's folder, or, when that path is too long for a socket, in a short one of our own. */
export function chooseSocketPlace(folder: string): SocketPlace {
  const near = join(folder, 'launcher.sock');
  const isNear = Buffer.byteLength(near) <= maxSocketPathBytes;
  const path = isNear ? near : join(mkdtempSync(join(tmpdir(), 'daybook-')), 's');
  removeSocket(near);
  return {
    path,
    remove: () => {
      removeSocket(path);
      if (!isNear) removeEmptyFolderSync(dirname(path));
    },
  };
}

/** Only a socket: whatever else has that name is somebody's. */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) removeFileSync(path);
}

export async function listenAt(
  folder: string,
  place: SocketPlace,
  onSocket: (socket: Socket) => void,
  logger: Logger,
): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', (problem) =>
      logger.warn({ problem: String(problem) }, 'The connection to the worker broke.'),
    );
    onSocket(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place.path, resolve);
  });
  chmodSync(place.path, 0o600);
  // In one step: a worker that waits for this file must not read half of it.
  const record = join(folder, socketPathFile);
  writeFileSync(`${record}.next`, place.path, { mode: 0o600 });
  renameSync(`${record}.next`, record);
  // Cleaners of /tmp take what looks unused for days.
  setInterval(() => {
    const now = new Date();
    utimesSync(place.path, now, now);
    utimesSync(dirname(place.path), now, now);
  }, refreshMs).unref();
  return server;
}

/** @throws when the folder is open to other users: they could take the place of the launcher */
export function checkPrivateFolder(folder: string): void {
  const facts = lstatSync(folder);
  const uid = process.getuid?.() ?? facts.uid;
  if (!facts.isDirectory() || facts.uid !== uid || (facts.mode & 0o077) !== 0) {
    throw new Error(`${folder} must be a directory of user ${uid} with mode 0700.`);
  }
}
