import type { Config } from '../config/config.ts';
import { readConfig as readConfigOf } from '../config/read-config.ts';
import { kinds } from '../kinds/list.ts';

/**
 * The configuration of this process, with the settings of every kind.
 * @throws AppError `configuration` with every problem at once
 */
export function readConfig(env?: Readonly<Record<string, string | undefined>>): Config {
  return readConfigOf(kinds.list, env);
}
