import { ref } from 'vue';
import { createRouter, createWebHistory } from 'vue-router';
import { listenForReturn } from './api/event-feed.ts';
import { loadSession, useSession } from './composables/account/use-session.ts';
import { pages } from './pages.ts';

declare module 'vue-router' {
  interface RouteMeta {
    title: string;
    /** Also for who is not signed in. */
    isOpen: boolean;
  }
}

/** All pages are loaded when somebody goes there. */
export const router = createRouter({
  history: createWebHistory(),
  routes: pages.map(({ path, name, title, load, props = false, isOpen = false }) => ({
    path,
    name,
    component: load,
    props,
    meta: { title, isOpen },
  })),
});

/** Whether somebody is on the way to another page. */
export const isUnderWay = ref(false);

router.beforeEach(async (to) => {
  isUnderWay.value = true;
  const { me } = useSession();
  if (me.value || to.meta.isOpen) return true;
  if (await loadSession().catch(() => null)) return true;
  return { name: 'sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } };
});

router.afterEach((to) => {
  isUnderWay.value = false;
  document.title = to.name === 'diary' ? 'Daybook' : `${to.meta.title} · Daybook`;
});

/**
 * The program of a page did not come. Either a newer version took its place, and the address begins anew with that; or
 * the server is away: then one stays where one is, and goes on when it is back.
 */
router.onError(async (error, to) => {
  isUnderWay.value = false;
  if (!/dynamically imported module|preload CSS/i.test(String(error))) return;
  const goOn = (): void => window.location.assign(to.fullPath);
  if (await isServerThere()) return goOn();
  const stop = listenForReturn(() => {
    stop();
    goOn();
  });
});

function isServerThere(): Promise<boolean> {
  return fetch('/healthz', { cache: 'no-store' }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** The page that was asked for comes first, on a slow line, too. */
const loadAfterMs = 5_000;

/** All pages, one after the other, once there is time: later ways need no server, and no waiting on a slow line. */
export async function loadPages(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, loadAfterMs));
  for (const { load } of pages) {
    await new Promise<void>((resolve) => whenIdle(resolve));
    await load().catch(() => undefined);
  }
}

function whenIdle(call: () => void): void {
  // Safari has it not.
  if ('requestIdleCallback' in window) window.requestIdleCallback(call, { timeout: 5_000 });
  else setTimeout(call, 500);
}
