import type { CliContext } from '../context.ts';
import { print, say } from '../output.ts';
import { readNewPassword } from '../password.ts';

/** Sets a password past the server, for whoever may read the data directory. Also lets a disabled user in again. */
export async function setPasswordLocally(context: CliContext, name: string): Promise<void> {
  const { readConfig } = await context.loadConfiguration();
  const config = readConfig(context.env);
  const machine = await context.loadLocalMachine();
  machine.refuseMissingDatabase(config);
  const password = await readNewPassword(context, name);
  const where =
    config.database.kind === 'server'
      ? 'the database server of the configuration'
      : `the database in ${config.data.directory}`;
  await say(context, `Opening ${where}…`);
  await machine.setPassword(config, name, password);
  await print(
    context,
    `The password of ${name} is changed in ${where}; all sessions of ${name} have ended, tokens stay. A running server takes it at once, and forgets the old one within 30 s.`,
  );
}
