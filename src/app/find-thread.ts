/** The composition root of a thread that finds text in output: the domain's search on the store's pages. */
import { parentPort, workerData } from 'node:worker_threads';
import { createDatabase, type Connection } from '../adapters/store/database.ts';
import { createOutputPages } from '../adapters/store/output-pages.ts';
import { answerPages } from '../domain/output/find/thread.ts';

const db = createDatabase({
  connection: workerData as Connection,
  poolSize: 1,
  applicationName: 'daybook',
  onIdleError: () => {
    // The next page opens another connection.
  },
});
if (parentPort) answerPages(parentPort, createOutputPages(db));
