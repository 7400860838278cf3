import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// Without it every start strips the types of every file again, half of the time of a small command. Not in the shared
// temporary directory, where somebody else could have put the folder; where it cannot be written nothing happens.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/daybook'));

const { runCli } = await import('./surfaces/cli/run.ts');
const { exitCodes } = await import('./surfaces/cli/exit-codes.ts');

const code = await runCli(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onInterrupt: (listener) => {
    process.on('SIGINT', listener);
    return () => process.off('SIGINT', listener);
  },
  onSignals: (signals, listener) => {
    for (const signal of signals) process.on(signal, listener);
    return () => {
      for (const signal of signals) process.off(signal, listener);
    };
  },
  // Loaded only when they are needed: everything else answers sooner.
  loadConfiguration: () => import('./app/configuration.ts'),
  loadServer: () => import('./app/serve.ts'),
  loadLocalMachine: async () => (await import('./app/local.ts')).localMachine,
});
process.exitCode = code;
// Nobody reads any more, and a command that follows something would follow it for ever.
if (code === exitCodes.closedPipe.code) process.exit();
