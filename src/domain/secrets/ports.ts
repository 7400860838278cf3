import type { Actor, Owned } from '../../contract/actor.ts';

export interface SealedSecret {
  name: string;
  sealed: Buffer;
  note: string | null;
  /** Accounts that may use it, by name; null: everybody. */
  users: string[] | null;
  /** The same by their numbers. */
  userIds: number[] | null;
  createdBy: string;
  createdAt: Date;
  changedAt: Date;
}

export interface SecretStore {
  list(): Promise<SealedSecret[]>;
  find(names: readonly string[]): Promise<SealedSecret[]>;
  put(secret: Pick<SealedSecret, 'name' | 'sealed' | 'note' | 'userIds' | 'createdBy'>): Promise<void>;
  /** Numbers of the accounts with these names, case ignored, by the names as they were asked for. */
  accountsOf(names: readonly string[]): Promise<Map<string, number>>;
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

export interface SecretRecord extends Omit<SealedSecret, 'sealed' | 'userIds'> {
  isReadable: boolean;
}

/** Named secrets. Their values leave only to programs. */
export interface Secrets {
  list(): Promise<SecretRecord[]>;
  /** @throws AppError `not_found` */
  find(name: string): Promise<SecretRecord>;
  /** @throws AppError `invalid_input` for a name without an account */
  put(
    name: string,
    change: { value: string; note: string | null; users: readonly string[] | null },
    actor: Actor,
  ): Promise<SecretRecord>;
  /** @throws AppError `not_found` */
  remove(name: string): Promise<void>;
  /** Name → why this actor may not use it; empty when all may be used. */
  findUnusable(names: readonly string[], actor: Actor): Promise<Map<string, string>>;
}

export type OpenedSecrets = { values: ReadonlyMap<string, string> } | { problem: string };

/** For workers. */
export interface SecretOpener {
  /** All of them, or in one sentence why not. @throws when the store does not answer */
  open(names: readonly string[], owner: Owned): Promise<OpenedSecrets>;
}
