import { computed, readonly, ref, type ComputedRef } from 'vue';
import type { Me } from '../../api/models.ts';
import type { Permission } from '../../../../src/contract/permissions.ts';
import { ApiError } from '../../api/api-error.ts';
import { api, dataOf, listenForRefusals } from '../../api/client.ts';
import { closeFeed, openFeed } from '../../api/event-feed.ts';
import { queryClient } from '../../api/query-client.ts';

const me = ref<Me | null>(null);
/** The session ended under the page's feet; what is on screen stays until somebody signs in again. */
const isExpired = ref(false);

listenForRefusals((error) => {
  if (error.status === 401 && me.value) isExpired.value = true;
});

export interface Session {
  me: Readonly<typeof me>;
  isExpired: Readonly<typeof isExpired>;
  can: (permission: Permission) => boolean;
  name: ComputedRef<string>;
  /** Whether it belongs to the account that is signed in, not only to somebody of the same name. */
  isMine: (owned: { ownerId: number | null }) => boolean;
}

/** Who is signed in and what they may do. One for the whole page. */
export function useSession(): Session {
  return {
    me: readonly(me) as typeof me,
    isExpired: readonly(isExpired),
    can: (permission) => me.value?.permissions.includes(permission) ?? false,
    name: computed(() => me.value?.user.name ?? ''),
    isMine: ({ ownerId }) => ownerId !== null && ownerId === me.value?.user.id,
  };
}

/** Asks the server who this is; null when nobody is signed in. */
export async function loadSession(): Promise<Me | null> {
  try {
    await askWhoThisIs();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    me.value = null;
  }
  return me.value;
}

/** @throws {ApiError} when the user or the password is not right, or after too many tries */
export async function signIn(name: string, password: string): Promise<void> {
  await api.POST('/api/v1/sessions', { body: { name, password } });
  const before = me.value?.user.id;
  closeFeed({ comesBack: isExpired.value });
  isExpired.value = false;
  // What hides the session (a header of a proxy) is told where one signs in, which otherwise would seem to do nothing.
  await askWhoThisIs();
  if (before === undefined || before !== me.value?.user.id) queryClient.clear();
  else await queryClient.invalidateQueries();
}

/** Goes to the sign-in page, with nothing kept, when another tab has signed out. */
export function followSignOuts(): void {
  new BroadcastChannel(signOuts).addEventListener('message', () => {
    if (me.value) window.location.replace('/sign-in');
  });
}

async function askWhoThisIs(): Promise<void> {
  me.value = await dataOf(api.GET('/api/v1/me'));
  openFeed();
}

const signOuts = 'daybook-sign-outs';

/** Signs out, here and in the other tabs of this browser: a session that only ended leaves work on the screen, this not. */
export async function signOut(): Promise<void> {
  await api.DELETE('/api/v1/sessions/current');
  const channel = new BroadcastChannel(signOuts);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of this origin only and takes none
  channel.postMessage(null);
  channel.close();
  closeFeed();
  me.value = null;
  isExpired.value = false;
  queryClient.clear();
}
