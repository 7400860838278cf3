/** A real server for fault tests: `node serve-entry.ts web worker`, configured by its environment. */
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { serve } from '../../../src/app/serve.ts';
import { serverRoles } from '../../../src/contract/server.ts';
import { readConfig } from '../../../src/app/configuration.ts';
import { faultFileName, FaultPoints } from './fault-points.ts';
import { describeError } from '../../../src/surfaces/cli/errors.ts';

const roles = serverRoles.filter((role) => process.argv.slice(2).includes(role));

try {
  const config = readConfig();
  const points = new FaultPoints(join(config.data.directory, faultFileName));
  // Most of these servers are killed, which would leave it unwritten.
  flushCompileCache();
  await serve(config, {
    roles,
    drain: process.argv.includes('--drain'),
    decorate: {
      jobStore: (store) => points.jobStore(store),
      outputStore: (store) => points.outputStore(store),
    },
  });
} catch (error) {
  process.stderr.write(`daybook: ${describeError(error).text}\n`);
  process.exitCode = 1;
}
