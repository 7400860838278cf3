/**
 * A job prints one line of 560 MB, more than a JavaScript text can hold, and is read meanwhile.
 *
 *     npm run test:long -- one-long-line [--megabytes 560]
 *
 * Exit code 1: an answer was larger than a page, bytes are missing, or `/healthz` was not answered for ten seconds.
 */
import { parseArgs } from 'node:util';
import { printOneLine } from '../support/faults/long-line.ts';
import { residentMib } from '../support/long/memory-figures.ts';
import { startServer } from '../support/server.ts';
import { watchAnswers } from '../support/watch-answers.ts';

const longestSilenceMs = 10_000;

const { values } = parseArgs({ options: { megabytes: { type: 'string', default: '560' } } });
const server = await startServer({}, { database: 'embedded' });
try {
  const startedAt = performance.now();
  const watched = await watchAnswers(`${server.url}/healthz`, () =>
    printOneLine(server, Number(values.megabytes) * 1_000_000),
  );
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  const silence = (watched.longestSilenceMs / 1_000).toFixed(1);
  process.stdout.write(
    `${values.megabytes} MB in ${seconds} s, ${watched.answers} answers, the longest silence ${silence} s, ` +
      `the server is at ${residentMib(server.process.pid ?? 0)?.toFixed(0)} MiB\n`,
  );
  process.exitCode = watched.longestSilenceMs < longestSilenceMs ? 0 : 1;
} finally {
  await server.close();
}
