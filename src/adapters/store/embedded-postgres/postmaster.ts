import { spawn } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
} from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { delay } from '../../../lib/delay.ts';
import { processStartTime } from '../../../lib/directory-lock.ts';
import type { Binaries } from './binaries.ts';
import { serverEnvironment } from './cluster.ts';
import type { Place } from './place.ts';
import { databaseUser, socketPort } from './server-settings.ts';

/** A running postmaster, ours or found. */
export interface Postmaster {
  pid: number;
  isAlive(): boolean;
  /** Aborted when it ended, so far as we know by then. */
  ended: AbortSignal;
}

export interface ServerLog {
  file: string;
  /** Where the output of this start begins. */
  from: number;
}

const maxLogBytes = 10 * 2 ** 20;

/**
 * Starts PostgreSQL in a session of its own, so that Ctrl-C reaches only us and a killed Daybook leaves it running for
 * the next start to adopt.
 */
export function spawnPostmaster(
  binaries: Binaries,
  place: Place,
  logFile: string,
): { postmaster: Postmaster; log: ServerLog } {
  const descriptor = openLog(logFile);
  const from = fstatSync(descriptor).size;
  try {
    const child = spawn(join(binaries.directory, 'bin/postgres'), ['-D', place.clusterDirectory], {
      detached: true,
      stdio: ['ignore', descriptor, descriptor],
      cwd: '/',
      env: serverEnvironment,
      ...place.account,
    });
    const ended = new AbortController();
    child.once('exit', () => ended.abort());
    child.once('error', (error) => ended.abort(error));
    child.unref();
    const isAlive = (): boolean =>
      child.exitCode === null && child.signalCode === null && !ended.signal.aborted;
    return {
      postmaster: { pid: child.pid ?? 0, isAlive, ended: ended.signal },
      log: { file: logFile, from },
    };
  } finally {
    closeSync(descriptor);
  }
}

function openLog(file: string): number {
  const descriptor = openSync(file, 'a', 0o600);
  if (fstatSync(descriptor).size < maxLogBytes) return descriptor;
  closeSync(descriptor);
  renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

/** What PostgreSQL printed since this start. */
export function readLog(log: ServerLog): string {
  return readFileSync(log.file).subarray(log.from).toString().trim();
}

export type PidFileState =
  | { kind: 'running'; pid: number; startTime: string | undefined }
  /** Nobody runs: no file, or its process is gone. PostgreSQL clears such a file away itself. */
  | { kind: 'none' }
  /** The number belongs to another program by now; PostgreSQL would take that for itself and refuse to start. */
  | { kind: 'mistaken' };

/** Reads `postmaster.pid`, trusting it only when the process it names works in this cluster. */
export function readPidFile(place: Place): PidFileState {
  const pid = Number(readIfThere(pidFile(place)).split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !exists(pid)) return { kind: 'none' };
  const startTime = processStartTime(pid);
  if (process.platform !== 'linux') return { kind: 'running', pid, startTime };
  if (startTime === undefined) return { kind: 'none' };
  return worksIn(pid, place.clusterDirectory) ? { kind: 'running', pid, startTime } : { kind: 'mistaken' };
}

/** Asked before connecting: each connection refused while recovering would be a line in the log. */
export function isMarkedReady(place: Place): boolean {
  return readIfThere(pidFile(place)).split('\n')[7]?.trim() === 'ready';
}

export function pidFile(place: Place): string {
  return join(place.clusterDirectory, 'postmaster.pid');
}

/** PostgreSQL's processes have the cluster as their current directory. */
function worksIn(pid: number, directory: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(directory);
  } catch {
    // Another user's process: not one that we started.
    return false;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const watchIntervalMs = 250;

/** A postmaster that another process started: no exit event comes from it, so it is looked at now and then. */
export function adoptPostmaster(
  found: { pid: number; startTime: string | undefined },
  signal: AbortSignal,
): Postmaster {
  const isAlive = (): boolean => exists(found.pid) && processStartTime(found.pid) === found.startTime;
  const ended = new AbortController();
  const watch = async (): Promise<void> => {
    while (!signal.aborted && isAlive()) await delay(watchIntervalMs, signal);
    if (!signal.aborted) ended.abort();
  };
  void watch();
  return { pid: found.pid, isAlive, ended: ended.signal };
}

/** Whether a server answers on the place's socket that really serves this cluster. */
export async function answers(place: Place): Promise<boolean> {
  const client = new pg.Client({
    ...connectionTo(place),
    connectionTimeoutMillis: 2_000,
    query_timeout: 2_000,
  });
  client.on('error', () => {
    // The outcome of connect and query says it all.
  });
  try {
    await client.connect();
    const result = await client.query<{ data_directory: string }>('show data_directory');
    return realpathSync(result.rows[0]?.data_directory ?? '/') === realpathSync(place.clusterDirectory);
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {
      // It never was connected.
    });
  }
}

export function connectionTo(place: Place): pg.PoolConfig {
  return {
    host: place.socketDirectory,
    port: socketPort,
    user: databaseUser,
    database: 'postgres',
    ssl: false,
  };
}

const stopSteps = [
  // Fast: sessions end, a checkpoint is written.
  { signal: 'SIGINT', waitMs: 10_000 },
  // Immediate: the next start recovers from the log.
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
] as const;

/** Ends the postmaster, harder when it does not obey; resolves when it is gone. Nothing committed is lost either way. */
export async function stopPostmaster(
  postmaster: Postmaster,
  onEscalation: (signal: string) => void,
): Promise<void> {
  for (const step of stopSteps) {
    if (!postmaster.isAlive()) return;
    if (step.signal !== 'SIGINT') onEscalation(step.signal);
    try {
      process.kill(postmaster.pid, step.signal);
    } catch {
      // Gone in between; isAlive says so below.
    }
    const deadline = performance.now() + step.waitMs;
    while (postmaster.isAlive() && performance.now() < deadline) await delay(5);
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
