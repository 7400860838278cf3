import { computed, ref, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref } from 'vue';
import type { Role } from '../../../../src/contract/actor.ts';
import type { Secret } from '../../../../src/contract/secret.ts';
import type { ServerFacts } from '../../../../src/contract/server.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import type { AuditEntry, ListedUser } from '../../api/models.ts';
import { queryClient } from '../../api/query-client.ts';
import { useAction } from '../page/use-action.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

export function useUsers(): LiveQuery<readonly ListedUser[]> {
  return useLiveQuery<readonly ListedUser[]>({
    key: ['users'],
    fetch: async () => (await dataOf(api.GET('/api/v1/users'))).items,
  });
}

export function useSecrets(): LiveQuery<readonly Secret[]> {
  return useLiveQuery<readonly Secret[]>({
    key: ['secrets'],
    fetch: async () => (await dataOf(api.GET('/api/v1/secrets'))).items,
  });
}

/** Of the process that answers. */
export function useServerFacts(): LiveQuery<ServerFacts> {
  return useLiveQuery<ServerFacts>({
    key: ['server'],
    fetch: () => dataOf(api.GET('/api/v1/server')),
    everyMs: 10_000,
  });
}

export interface UserChange {
  role?: Role;
  displayName?: string;
  disabled?: boolean;
  password?: string;
}

/** What admins, and for secrets operators, change. Each resolves with whether it was done; why not is shown. */
export function useAdministration(): {
  isBusy: Ref<boolean>;
  createUser: (user: {
    name: string;
    displayName?: string;
    role: Role;
    password: string;
  }) => Promise<boolean>;
  changeUser: (name: string, change: UserChange) => Promise<boolean>;
  removeUser: (name: string) => Promise<boolean>;
  putSecret: (
    name: string,
    secret: { value: string; note: string | null; users: string[] | null },
  ) => Promise<boolean>;
  removeSecret: (name: string) => Promise<boolean>;
} {
  const { isBusy, act } = useAction();
  const change = async (key: string, refused: string, call: () => Promise<unknown>): Promise<boolean> => {
    const isDone = await act(refused, call);
    await queryClient.invalidateQueries({ queryKey: [key] });
    return isDone;
  };
  return {
    isBusy,
    createUser: (body) =>
      change('users', 'The user was not added', () => api.POST('/api/v1/users', { body })),
    changeUser: (name, body) =>
      change('users', 'The user was not changed', () =>
        api.PATCH('/api/v1/users/{name}', { params: { path: { name } }, body }),
      ),
    removeUser: (name) =>
      change('users', 'The user was not removed', () =>
        api.DELETE('/api/v1/users/{name}', { params: { path: { name } } }),
      ),
    putSecret: (name, body) =>
      change('secrets', 'The secret was not set', () =>
        api.PUT('/api/v1/secrets/{name}', { params: { path: { name } }, body }),
      ),
    removeSecret: (name) =>
      change('secrets', 'The secret was not removed', () =>
        api.DELETE('/api/v1/secrets/{name}', { params: { path: { name } } }),
      ),
  };
}

export interface AuditFilter {
  actor: string;
  action: string;
  target: string;
}

/** Who changed what, the newest first, page by page. */
export function useAudit(filter: MaybeRefOrGetter<AuditFilter>): {
  status: Ref<'loading' | 'empty' | 'ready' | 'error'>;
  error: Ref<ApiError | null>;
  items: Ref<readonly AuditEntry[]>;
  hasMore: Ref<boolean>;
  isLoading: Ref<boolean>;
  more: () => Promise<void>;
  reload: () => Promise<void>;
} {
  const items = shallowRef<readonly AuditEntry[]>([]);
  const cursor = ref<number | null>(null);
  const isLoading = ref(false);
  const error = ref<ApiError | null>(null);
  let generation = 0;

  async function load(from: number | null): Promise<void> {
    generation += 1;
    const mine = generation;
    isLoading.value = true;
    error.value = null;
    try {
      const asked = Object.entries(toValue(filter)).filter(([, value]) => value !== '');
      const query = { ...Object.fromEntries(asked), ...(from === null ? {} : { cursor: from }) };
      const page = await dataOf(api.GET('/api/v1/audit', { params: { query } }));
      if (mine !== generation) return;
      items.value = from === null ? page.items : [...items.value, ...page.items];
      cursor.value = page.cursor;
    } catch (cause) {
      if (mine === generation) error.value = toApiError(cause);
    } finally {
      if (mine === generation) isLoading.value = false;
    }
  }

  const reload = (): Promise<void> => load(null);
  watch(() => ({ ...toValue(filter) }), reload, { immediate: true });
  return {
    status: computed(() => {
      if (error.value) return 'error';
      if (items.value.length > 0) return 'ready';
      return isLoading.value ? 'loading' : 'empty';
    }),
    error,
    items,
    hasMore: computed(() => cursor.value !== null),
    isLoading,
    more: () => load(cursor.value),
    reload,
  };
}
