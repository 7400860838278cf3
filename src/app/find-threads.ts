import { Worker } from 'node:worker_threads';
import type { Connection } from '../adapters/store/database.ts';
import { FindThreads } from '../domain/output/find/threads.ts';

/** Threads that find text in output, each over a connection of its own. */
export function createFindThreads(connection: Connection, options?: { idleMs: number }): FindThreads {
  return new FindThreads(startFindThread(connection), options);
}

export function startFindThread(connection: Connection): () => Worker {
  const entry = new URL('./find-thread.ts', import.meta.url);
  return () => new Worker(entry, { workerData: connection });
}
