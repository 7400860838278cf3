import { Worker } from 'node:worker_threads';
import type { Connection } from '../adapters/store/database.ts';
import { FindThreads } from '../domain/output/find/threads.ts';

/** Threads that find text in output, each over a connection of its own. */
export function createFindThreads(connection: Connection, options: { idleMs?: number } = {}): FindThreads {
  const entry = new URL('./find-thread.ts', import.meta.url);
  return new FindThreads(() => new Worker(entry, { workerData: connection }), options);
}
