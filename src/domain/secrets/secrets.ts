import { ownerOf, type Owned } from '../../contract/actor.ts';
import { AppError, invalidFields } from '../../contract/errors.ts';
import type { SealedSecret, SecretKey, SecretOpener, SecretRecord, Secrets, SecretStore } from './ports.ts';
import { isSealedWith, seal, unseal } from './seal.ts';

const noKey =
  'This worker has no key for secrets: set DAYBOOK_SECRET_KEY to that of the server, or copy secret-key from its data directory.';

export function createSecrets(store: SecretStore, key: SecretKey): Secrets {
  const find = async (name: string): Promise<SecretRecord> => {
    const [found] = await store.find([name]);
    if (found) return toRecord(found, key.load());
    throw new AppError('not_found', `There is no secret ${name}.`);
  };
  return {
    list: async () => {
      const current = key.load();
      return (await store.list()).map((one) => toRecord(one, current));
    },
    find,
    put: async (name, { value, note, users }, actor) => {
      const userIds = users && (await findAccounts(store, users));
      const sealed = seal(value, name, key.loadOrMake());
      await store.put({ name, sealed, note, userIds, createdBy: actor.name });
      return find(name);
    },
    remove: async (name) => {
      if (!(await store.remove(name))) throw new AppError('not_found', `There is no secret ${name}.`);
    },
    findUnusable: async (names, actor) => {
      const found = await store.find(names);
      return new Map(names.flatMap((name) => explain(name, found, ownerOf(actor)) ?? []));
    },
  };
}

/** @throws AppError `invalid_input` that names each one without an account */
async function findAccounts(store: SecretStore, users: readonly string[]): Promise<number[]> {
  const ids = await store.accountsOf(users);
  const details = users.flatMap((user, index) =>
    ids.has(user) ? [] : [{ field: `users.${index}`, message: `there is no user "${user}"` }],
  );
  if (details.length > 0) throw invalidFields(details);
  return [...new Set(ids.values())];
}

/** Asked again at the start of each attempt: a secret may have gone, or been taken from its user, since the submit. */
export function createSecretOpener(store: SecretStore, key: SecretKey): SecretOpener {
  return {
    open: async (names, owner) => {
      const found = await store.find(names);
      for (const name of names) {
        const [refusal] = explain(name, found, owner) ?? [];
        if (refusal) return { problem: `${refusal[0]}: ${refusal[1]}.` };
      }
      const current = key.load();
      if (!current) return { problem: noKey };
      const values = new Map<string, string>();
      for (const { name, sealed } of found) {
        const value = unseal(sealed, name, current);
        if (value === null) {
          const why = isSealedWith(sealed, current)
            ? 'is damaged'
            : 'was sealed with another key than this worker has';
          return {
            problem: `The secret ${name} ${why}; set it again, or give the worker the key of the server.`,
          };
        }
        values.set(name, value);
      }
      return { values };
    },
  };
}

function explain(
  name: string,
  found: readonly SealedSecret[],
  { owner, ownerId }: Owned,
): [string, string][] | null {
  const secret = found.find((one) => one.name === name);
  if (!secret) return [[name, `there is no secret "${name}"`]];
  if (secret.userIds && !secret.userIds.some((one) => one === ownerId))
    return [[name, `${owner} may not use the secret "${name}"`]];
  return null;
}

function toRecord({ sealed, userIds: _userIds, ...rest }: SealedSecret, key: Buffer | null): SecretRecord {
  return { ...rest, isReadable: key !== null && isSealedWith(sealed, key) };
}
