/** A real server for fault tests: `node serve-entry.ts web worker`, configured by its environment. */
import { serve, type ServerRole } from '../../../src/app.ts';
import { readConfig } from '../../../src/config/read-config.ts';

const roles = process.argv.slice(2).filter((word): word is ServerRole => word === 'web' || word === 'worker');

try {
  await serve(readConfig(), { roles, drain: process.argv.includes('--drain') });
} catch (error) {
  process.stderr.write(`daybook: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
