import type { Actor } from '../../contract/actor.ts';

export interface SealedSecret {
  name: string;
  sealed: Buffer;
  note: string | null;
  users: string[] | null;
  createdBy: string;
  createdAt: Date;
  changedAt: Date;
}

export interface SecretStore {
  list(): Promise<SealedSecret[]>;
  find(names: readonly string[]): Promise<SealedSecret[]>;
  put(secret: Pick<SealedSecret, 'name' | 'sealed' | 'note' | 'users' | 'createdBy'>): Promise<void>;
  /** False when there is none. */
  remove(name: string): Promise<boolean>;
}

/** The key that seals secrets: 32 bytes, from the settings or from a file that only the server reads. */
export interface SecretKey {
  /** Null when there is none yet. */
  load(): Buffer | null;
  /** Makes the file when there is no key yet. */
  loadOrMake(): Buffer;
}

export interface SecretRecord extends Omit<SealedSecret, 'sealed'> {
  isReadable: boolean;
}

/** Named secrets. Their values leave only to programs. */
export interface Secrets {
  list(): Promise<SecretRecord[]>;
  /** @throws AppError `not_found` */
  find(name: string): Promise<SecretRecord>;
  put(
    name: string,
    change: { value: string; note: string | null; users: readonly string[] | null },
    actor: Actor,
  ): Promise<SecretRecord>;
  /** @throws AppError `not_found` */
  remove(name: string): Promise<void>;
  /** Name → why this actor may not use it; empty when all may be used. */
  findUnusable(names: readonly string[], actor: Pick<Actor, 'name'>): Promise<Map<string, string>>;
}

export type OpenedSecrets = { values: ReadonlyMap<string, string> } | { problem: string };

/** For workers. */
export interface SecretOpener {
  /** All of them, or in one sentence why not. @throws when the store does not answer */
  open(names: readonly string[], owner: string): Promise<OpenedSecrets>;
}
