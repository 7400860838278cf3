import { availableParallelism, hostname } from 'node:os';

/** What defaults depend on. An argument, so that `loadConfig` gives the same result everywhere in tests. */
export interface Machine {
  /** Relative paths start here. */
  directory: string;
  cores: number;
  hostName: string;
  timezone: string;
}

export function thisMachine(): Machine {
  return {
    directory: process.cwd(),
    cores: availableParallelism(),
    hostName: hostname(),
    // Without time zone data on the machine Intl answers nothing usable.
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC',
  };
}
