import { createRouter, createWebHistory } from 'vue-router';
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

router.beforeEach(async (to) => {
  const { me } = useSession();
  if (me.value || to.meta.isOpen) return true;
  if (await loadSession().catch(() => null)) return true;
  return { name: 'sign-in', query: to.fullPath === '/' ? {} : { to: to.fullPath } };
});

router.afterEach((to) => {
  document.title = to.name === 'diary' ? 'Daybook' : `${to.meta.title} · Daybook`;
});

/** A page of a newer version took the place of what this one would load; the address begins anew with that. */
router.onError((error, to) => {
  if (/dynamically imported module|preload CSS/i.test(String(error))) window.location.assign(to.fullPath);
});
