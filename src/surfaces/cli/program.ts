import { Command } from 'commander';
import packageJson from '../../../package.json' with { type: 'json' };
import { registerAgain, registerCapsule } from './commands/again.ts';
import { registerBackup, registerRestore } from './commands/backup.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerConfig } from './commands/config.ts';
import { registerEdit } from './commands/edit.ts';
import { registerDoctor } from './commands/doctor.ts';
import { registerEvents } from './commands/events.ts';
import { registerFailures } from './commands/failures.ts';
import { registerFiles } from './commands/files.ts';
import { registerFind } from './commands/find.ts';
import { registerImport } from './commands/import.ts';
import { registerJob, registerJobs } from './commands/jobs.ts';
import { registerBulk } from './commands/bulk.ts';
import { registerCancel, registerRetry } from './commands/cancel-retry.ts';
import { registerKinds } from './commands/kinds.ts';
import { registerLanes } from './commands/lanes.ts';
import { registerLogs } from './commands/logs.ts';
import { registerNotify } from './commands/notify.ts';
import { registerQueues } from './commands/queues.ts';
import { registerRetention } from './commands/retention.ts';
import { registerRun } from './commands/run.ts';
import { registerSchedules } from './commands/schedules.ts';
import { registerScripts } from './commands/scripts.ts';
import { registerSecrets } from './commands/secrets.ts';
import { registerServe } from './commands/serve.ts';
import { registerStats } from './commands/stats.ts';
import { registerSubmit } from './commands/submit.ts';
import { registerTokens } from './commands/tokens.ts';
import { registerUsers } from './commands/users.ts';
import { registerWhy } from './commands/why.ts';
import { registerViews } from './commands/views.ts';
import { registerWorkers } from './commands/workers.ts';
import { withConnection } from './connection.ts';
import type { CliContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { painter } from './output.ts';

/** All commands there are: one file, one line here. */
const registrations = [
  registerServe,
  registerSubmit,
  registerKinds,
  registerRun,
  registerImport,
  registerJobs,
  registerJob,
  registerLogs,
  registerFiles,
  registerFind,
  registerCancel,
  registerRetry,
  registerBulk,
  registerAgain,
  registerCapsule,
  registerEdit,
  registerWhy,
  registerFailures,
  registerEvents,
  registerStats,
  registerQueues,
  registerLanes,
  registerWorkers,
  registerSchedules,
  registerNotify,
  registerScripts,
  registerViews,
  registerSecrets,
  registerRetention,
  registerUsers,
  registerTokens,
  registerConfig,
  registerDoctor,
  registerBackup,
  registerRestore,
  registerCompletion,
];

/** The commands, ready to parse. Errors are thrown, never an exit. */
export function createProgram(context: CliContext): Command {
  const paint = painter(context.stdout, context.env);
  const program = new Command('daybook')
    .description('A self-hosted job server with a memory.')
    .version(packageJson.version, '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'daybook: ')),
      getOutHasColors: () => paint('bold', '') !== '',
      getErrHasColors: () => painter(context.stderr, context.env)('bold', '') !== '',
      getOutHelpWidth: () => context.stdout.columns || 100,
      getErrHelpWidth: () => context.stderr.columns || 100,
    })
    .configureHelp({ styleTitle: (text) => paint('bold', text), showGlobalOptions: false })
    .helpCommand('help [command]', 'help for a command');
  withConnection(program);
  program.addHelpText('after', afterHelp());
  for (const register of registrations) register(program, context);
  return program;
}

function afterHelp(): string {
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`);
  return `
Examples:
  $ daybook serve                          start a server here
  $ daybook submit report.sh --month 3     run a script of the scripts directory
  $ daybook submit --follow report.sh      the same, with its output and its exit code
  $ daybook jobs --state failed --since 1d

Exit codes:
${codes.join('\n')}
  submit --wait and --follow end with the exit code of the job (128 + signal, 124 timed out, 143 cancelled, 137 lost).

daybook help <command> says more about each.`;
}
