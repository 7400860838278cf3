import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Logger } from '../lib/logger.ts';
import { removeEmptyFolderSync, removeFileSync } from '../lib/remove.ts';

export const socketPathFile = 'socket-path';
/** sun_path holds 108 bytes with its final NUL. */
const maxSocketPathBytes = 107;
const refreshMs = 60 * 60 * 1000;

/** In the launcher's folder, where its path is short enough. */
export const socketFile = 'launcher.sock';

export function fitsSocket(path: string): boolean {
  return Buffer.byteLength(path) <= maxSocketPathBytes;
}

/** Where workers come in. */
export interface Door {
  /** Makes the socket anew when somebody removed it: it is the only way to the programs that are held. */
  keep(): void;
  remove(): void;
}

export interface DoorOptions {
  folder: string;
  onSocket(socket: Socket): void;
  logger: Logger;
}

/** @throws when it cannot be made */
export async function openDoor({ folder, onSocket, logger }: DoorOptions): Promise<Door> {
  const record = join(folder, socketPathFile);
  let place = choosePlace(folder);
  let server = await listen(place.path, onSocket, logger);
  let opening: Promise<void> | null = null;
  writeRecord(record, place.path);
  // Cleaners of /tmp take what looks unused for days.
  setInterval(() => touch(place.path), refreshMs).unref();

  const reopen = async (): Promise<void> => {
    logger.warn({ path: place.path }, 'The socket of this launcher was removed; making it anew.');
    // First: closing unlinks the name.
    server.close();
    place = choosePlace(folder);
    server = await listen(place.path, onSocket, logger);
    writeRecord(record, place.path);
  };
  return {
    keep: () => {
      if (opening || (isSocket(place.path) && existsSync(record))) return;
      opening = reopen()
        .catch((error: unknown) => logger.error({ problem: String(error) }, 'The socket cannot be made.'))
        .finally(() => (opening = null));
    },
    remove: () => place.remove(),
  };
}

interface SocketPlace {
  path: string;
  remove(): void;
}

/** In the launcher's folder, or, when that path is too long for a socket, in a short one of our own. */
function choosePlace(folder: string): SocketPlace {
  const near = join(folder, socketFile);
  const isNear = fitsSocket(near);
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
  if (isSocket(path)) removeFileSync(path);
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

async function listen(path: string, onSocket: (socket: Socket) => void, logger: Logger): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', (problem) =>
      logger.warn({ problem: String(problem) }, 'The connection to the worker broke.'),
    );
    onSocket(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  server.on('error', (problem) => logger.error({ problem: String(problem) }, 'The socket does not work.'));
  chmodSync(path, 0o600);
  return server;
}

/** In one step: a worker that waits for this file must not read half of it. */
function writeRecord(record: string, path: string): void {
  writeFileSync(`${record}.next`, path, { mode: 0o600 });
  renameSync(`${record}.next`, record);
}

function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    utimesSync(dirname(path), now, now);
  } catch {
    // Gone; the guard of the place sees to it.
  }
}

/** @throws when the folder is open to other users: they could take the place of the launcher */
export function checkPrivateFolder(folder: string): void {
  const facts = lstatSync(folder);
  const uid = process.getuid?.() ?? facts.uid;
  if (!facts.isDirectory() || facts.uid !== uid || (facts.mode & 0o077) !== 0) {
    throw new Error(
      `${folder} must be a folder of user ${uid} that only this user may enter: others could take the place of the launcher. chown ${uid} ${folder} && chmod 700 ${folder}`,
    );
  }
}
