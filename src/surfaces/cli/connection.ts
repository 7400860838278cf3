import type { Command } from 'commander';
import { createClient, parseServerUrl, type Client } from './client.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './errors.ts';
import { askPassword } from './password.ts';

export interface ConnectionOptions {
  url?: string;
  token?: string;
  user?: string;
}

const defaultUrl = 'http://127.0.0.1:8000';

/** Adds the options that say where the server is and who asks. */
export function withConnection(command: Command): Command {
  return command
    .option('--url <address>', `address of the server (DAYBOOK_URL; default ${defaultUrl})`)
    .option('--token <token>', 'API token (DAYBOOK_TOKEN)')
    .option(
      '--user <name>',
      'user name (DAYBOOK_USER); the password comes from DAYBOOK_PASSWORD, or is asked for',
    );
}

/**
 * Options win over the environment, a token over a user name, since the environment of many has both.
 * @throws UsageError
 */
export async function connect(context: CliContext, options: ConnectionOptions): Promise<Client> {
  const { env } = context;
  const address = parseServerUrl(options.url ?? (env['DAYBOOK_URL'] || defaultUrl));
  const authorization = await authorizationOf(context, options, address);
  return createClient({ url: address.url, authorization });
}

async function authorizationOf(
  context: CliContext,
  options: ConnectionOptions,
  address: { user?: string; password?: string },
): Promise<string | undefined> {
  const { env } = context;
  const token = options.token ?? (options.user === undefined ? env['DAYBOOK_TOKEN'] : undefined);
  if (token) {
    if (/[^\x21-\x7e]/.test(token)) throw new UsageError('The token contains characters that no token has.');
    return `Bearer ${token}`;
  }
  const user = options.user ?? address.user ?? env['DAYBOOK_USER'];
  if (!user) return undefined;
  const password =
    address.password ?? env['DAYBOOK_PASSWORD'] ?? (await askPassword(context, `Password of ${user}: `));
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
