import { useToast } from '@nuxt/ui/composables/useToast';
import type { Ref } from 'vue';
import type { TokenScope } from '../../../../src/contract/permissions.ts';
import { api, dataOf } from '../../api/client.ts';
import type { Identity, Session, Token } from '../../api/models.ts';
import { queryClient } from '../../api/query-client.ts';
import { useAction } from '../page/use-action.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';
import { loadSession } from './use-session.ts';

/** The browsers one is signed in with. */
export function useSessions(): LiveQuery<readonly Session[]> {
  return useLiveQuery<readonly Session[]>({
    key: ['sessions'],
    fetch: async () => (await dataOf(api.GET('/api/v1/sessions'))).items,
  });
}

export function useTokens(): LiveQuery<readonly Token[]> {
  return useLiveQuery<readonly Token[]>({
    key: ['tokens'],
    fetch: async () => (await dataOf(api.GET('/api/v1/tokens'))).items,
  });
}

/** The accounts of identity providers that open one's own. */
export function useIdentities(): LiveQuery<readonly Identity[]> {
  return useLiveQuery<readonly Identity[]>({
    key: ['identities'],
    fetch: async () => (await dataOf(api.GET('/api/v1/me/identities'))).items,
  });
}

/** Whether people can sign in at an identity provider. */
export function useIdentityProvider(): LiveQuery<{ isEnabled: boolean }> {
  return useLiveQuery<{ isEnabled: boolean }>({
    key: ['oidc'],
    fetch: () => dataOf(api.GET('/api/v1/oidc')),
  });
}

export interface NewToken {
  name: string;
  scopes: TokenScope[];
  /** Null: never ends. */
  expiresAt: string | null;
}

/** What people do to their own account. */
export function useAccountActions(): {
  isBusy: Ref<boolean>;
  rename: (displayName: string) => Promise<boolean>;
  changePassword: (current: string, next: string) => Promise<boolean>;
  endSession: (id: number) => Promise<boolean>;
  unlinkIdentity: (id: string) => Promise<boolean>;
  /** Resolves with the secret, which is shown this once; null when it was refused. */
  createToken: (token: NewToken) => Promise<string | null>;
  revokeToken: (id: number) => Promise<boolean>;
} {
  const toast = useToast();
  const { isBusy, act } = useAction();
  const tell = (title: string): void => void toast.add({ title, color: 'success', icon: 'i-lucide-check' });
  const reload = (key: string): Promise<void> => queryClient.invalidateQueries({ queryKey: [key] });
  return {
    isBusy,
    rename: (displayName) =>
      act('Your name was not changed', async () => {
        await api.PATCH('/api/v1/me', { body: { displayName } });
        await loadSession();
        tell('Your name is changed');
      }),
    changePassword: (currentPassword, newPassword) =>
      act('The password was not changed', async () => {
        await api.PATCH('/api/v1/me/password', { body: { currentPassword, newPassword } });
        tell('The password is changed; your other sessions have ended');
        await reload('sessions');
      }),
    endSession: (id) =>
      act('The session was not ended', async () => {
        await api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } });
        await reload('sessions');
      }),
    unlinkIdentity: (id) =>
      act('The account was not unlinked', async () => {
        await api.DELETE('/api/v1/me/identities/{id}', { params: { path: { id } } });
        await reload('identities');
      }),
    createToken: async ({ name, scopes, expiresAt }) => {
      let secret: string | null = null;
      await act('No token was made', async () => {
        const body = { name, scopes, ...(expiresAt ? { expiresAt } : {}) };
        ({ secret } = await dataOf(api.POST('/api/v1/tokens', { body })));
        await reload('tokens');
      });
      return secret;
    },
    revokeToken: (id) =>
      act('The token was not revoked', async () => {
        await api.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } });
        await reload('tokens');
      }),
  };
}
