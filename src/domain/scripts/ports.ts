import type { Actor } from '../../contract/actor.ts';

export interface ScriptFacts {
  name: string;
  sizeBytes: number;
  modifiedAt: Date;
  isExecutable: boolean;
}

export interface ScriptVersion {
  id: number;
  action: 'put' | 'delete';
  sha256: string | null;
  text: string | null;
  actor: string;
  at: Date;
}

/** The scripts directory, with the history of what was put into it through us. */
export interface Scripts {
  list(): Promise<ScriptFacts[]>;
  /** @throws AppError `not_found` */
  read(name: string): Promise<ScriptFacts & { text: string; sha256: string }>;
  /** Writes the file, executable, whole or not at all. @throws AppError `invalid_input`, `conflict` where a folder is */
  put(name: string, text: string, actor: Actor): Promise<ScriptFacts>;
  /** @throws AppError `not_found` */
  remove(name: string, actor: Actor): Promise<void>;
  /** What to say of a name that is not there, with the one that may have been meant; null: it is, or nobody can tell. */
  findMissing(name: string): Promise<string | null>;
  versions(name: string): Promise<ScriptVersion[]>;
}

/** Every version that was written through us, with its author. */
export interface ScriptStore {
  add(version: {
    name: string;
    action: 'put' | 'delete';
    content: Buffer | null;
    sha256: Buffer | null;
    actor: string;
  }): Promise<void>;
  list(name: string): Promise<
    {
      id: number;
      action: 'put' | 'delete';
      sha256: Buffer | null;
      content: Buffer | null;
      actor: string;
      at: Date;
    }[]
  >;
}
