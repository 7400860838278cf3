import type { Readable, Writable } from 'node:stream';
import type { Config } from '../../config/config.ts';

export type ServerRole = 'web' | 'worker';

/** The part of src/app/serve.ts that the command line uses. */
export interface Server {
  serve(config: Config, options: { roles: readonly ServerRole[]; drain: boolean }): Promise<void>;
}

/** The part of src/app/configuration.ts that the command line uses. */
export interface Configuration {
  /** @throws AppError `configuration` with every problem at once */
  readConfig(env: Readonly<Record<string, string | undefined>>): Config;
}

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };
export type Input = Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };

/** Everything a command touches of its process, so that tests can hand in their own. */
export interface CliContext {
  env: Readonly<Record<string, string | undefined>>;
  stdin: Input;
  stdout: Output;
  stderr: Output;
  /** Calls back at Ctrl-C instead of ending the process; returns how to stop that. */
  onInterrupt(listener: () => void): () => void;
  /** Calls back at these signals instead of ending the process; returns how to stop that. */
  onSignals(signals: readonly NodeJS.Signals[], listener: (signal: NodeJS.Signals) => void): () => void;
  /** Loads what reads the settings of a server on this machine. */
  loadConfiguration(): Promise<Configuration>;
  /** Loads the server, which is far larger than the command line. */
  loadServer(): Promise<Server>;
}
