import type { Command } from 'commander';
import { serverRoles, type ServerRole } from '../../../contract/server.ts';
import { examples } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { UsageError } from '../errors.ts';

interface ServeOptions {
  roles?: string;
  drain?: boolean;
}

export function registerServe(program: Command, context: CliContext): void {
  program
    .command('serve')
    .summary('start a server')
    .description(
      'Starts a server: database, web interface, API and a worker. Settings come from the environment and daybook.toml; "daybook config" shows them.',
    )
    .option('--roles <list>', `only these parts: ${serverRoles.join(', ')}`)
    .option('--drain', 'when stopped, wait for running jobs instead of leaving them to the next start')
    .addHelpText('after', examples('serve', 'serve --roles web', 'serve --drain'))
    .action((options: ServeOptions) =>
      serve(context, {
        ...options,
        roles: options.roles === undefined ? serverRoles : parseRoles(options.roles),
      }),
    );
  program
    .command('worker')
    .summary('start only a worker')
    .description('Starts a worker on the database of another server (DATABASE_URL).')
    .option('--drain', 'when stopped, wait for running jobs instead of leaving them to the next start')
    .addHelpText('after', examples('worker', 'worker --drain'))
    .action((options: ServeOptions) => serve(context, { ...options, roles: ['worker'] }));
}

async function serve(
  context: CliContext,
  { roles, drain = false }: { roles: readonly ServerRole[]; drain?: boolean },
): Promise<void> {
  const { readConfig } = await context.loadConfiguration();
  const config = readConfig(context.env);
  const server = await context.loadServer();
  await server.serve(config, { roles, drain });
}

/** @throws UsageError */
export function parseRoles(text: string): ServerRole[] {
  const names = text.split(',').map((name) => name.trim());
  const known = names.flatMap((name) => serverRoles.filter((role) => role === name));
  if (known.length === names.length) return [...new Set(known)];
  const unknown = names.filter((name) => !(serverRoles as readonly string[]).includes(name));
  throw new UsageError(
    `--roles names ${unknown.map((name) => `"${name}"`).join(', ')}; expected ${serverRoles.join(', ')}.`,
  );
}
