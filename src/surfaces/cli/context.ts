import type { Readable, Writable } from 'node:stream';
import type { Config } from '../../config/config.ts';
import type { Manifest } from '../../contract/backup.ts';
import type { Finding } from '../../contract/finding.ts';
import type { ForeignRow } from '../../contract/import.ts';
import type { ServerRole } from '../../contract/server.ts';

/** The part of src/app/serve.ts that the command line uses. */
export interface Server {
  serve(config: Config, options: { roles: readonly ServerRole[]; drain: boolean }): Promise<void>;
}

/** The part of src/app/configuration.ts that the command line uses. */
export interface Configuration {
  /** @throws AppError `configuration` with every problem at once */
  readConfig(env: Readonly<Record<string, string | undefined>>): Config;
}

/** What works on this machine without a server; src/app/local.ts provides it. */
export interface LocalMachine {
  /** A mistaken data directory must not become a new, empty database. @throws AppError `configuration` */
  refuseMissingDatabase(config: Config): void;
  /** Also while a server runs. @throws AppError when the target exists or cannot be written */
  writeBackup(config: Config, options: { target: string; withHome: boolean }): Promise<Manifest>;
  /** @throws AppError `invalid_input` naming the first file that is not as it should be */
  verifyBackup(directory: string): Promise<Manifest>;
  /** @throws AppError `conflict` when the place is not empty */
  restoreBackup(options: {
    backup: string;
    configFor(dataDirectory: string): Config;
    dataDirectory: string;
    isPaused: boolean;
  }): Promise<Manifest>;
  /** @throws AppError in words when its database cannot be read */
  readPredecessorTasks(options: { url: string; timezone: string; owner: string }): AsyncIterable<ForeignRow>;
  /** Changes nothing. */
  diagnose(config: Config): Promise<Finding[]>;
  /** Also lets a disabled user in again. @throws AppError `not_found` */
  setPassword(config: Config, name: string, password: string): Promise<void>;
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
  /** Set by a command that has more to do than to be read: a reader that goes (`| head`) does not end it. */
  outlivesReader?: boolean;
  /** Loads what reads the settings of a server on this machine. */
  loadConfiguration(): Promise<Configuration>;
  /** Loads the server, which is far larger than the command line. */
  loadServer(): Promise<Server>;
  /** Loads what it takes to do without one. */
  loadLocalMachine(): Promise<LocalMachine>;
}
