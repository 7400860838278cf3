import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { configurationError, loadConfig, nestedDirectories, type Config } from './config.ts';
import type { KindSettings } from './setting.ts';

/**
 * The configuration of this process: its environment, and daybook.toml from the current directory or from
 * `DAYBOOK_CONFIG`. The only place that reads `process.env`.
 * @param kinds whose settings belong to it
 * @throws AppError `configuration` with every problem at once
 */
export function readConfig(
  kinds: readonly KindSettings[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const config = loadConfig(env, readConfigFile(env['DAYBOOK_CONFIG']), { kinds });
  // A symbolic link can put one directory inside the other, though their names look apart.
  const problems = nestedDirectories({
    directory: realPath(config.data.directory),
    homeDirectory: realPath(config.data.homeDirectory),
    scriptsDirectory: realPath(config.data.scriptsDirectory),
  });
  if (problems.length > 0) throw configurationError(problems);
  return config;
}

function readConfigFile(chosenPath: string | undefined): string | undefined {
  const path = resolve(chosenPath || 'daybook.toml');
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    if (code === 'ENOENT' && !chosenPath) return undefined;
    const name = chosenPath ? 'DAYBOOK_CONFIG' : 'daybook.toml';
    throw configurationError([
      { field: name, message: `The configuration file ${path} cannot be read (${code})` },
    ]);
  }
}

/** The real place of the part that exists already, with the rest as it would be made. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), path.slice(parent.length));
  }
}
