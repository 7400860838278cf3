import { createRouter, createWebHistory } from 'vue-router';
import { loadSession, useSession } from './composables/account/use-session.ts';

declare module 'vue-router' {
  interface RouteMeta {
    title: string;
    /** Also for who is not signed in. */
    isOpen?: boolean;
  }
}

/** Every page is an address. All but the diary are loaded when somebody goes there. */
export const router = createRouter({
  history: createWebHistory(),
  routes: [
    {
      path: '/',
      name: 'diary',
      component: () => import('./pages/DiaryPage.vue'),
      meta: { title: 'Diary' },
    },
    {
      path: '/jobs/:id/:tab?',
      name: 'job',
      component: () => import('./pages/JobPage.vue'),
      props: true,
      meta: { title: 'Job' },
    },
    {
      path: '/inbox',
      name: 'inbox',
      component: () => import('./pages/InboxPage.vue'),
      meta: { title: 'Inbox' },
    },
    {
      path: '/submit/:kind?',
      name: 'submit',
      component: () => import('./pages/SubmitPage.vue'),
      props: true,
      meta: { title: 'Submit' },
    },
    {
      path: '/schedules',
      name: 'schedules',
      component: () => import('./pages/SchedulesPage.vue'),
      meta: { title: 'Schedules' },
    },
    {
      path: '/schedules/new',
      name: 'new-schedule',
      component: () => import('./pages/ScheduleEditPage.vue'),
      meta: { title: 'New schedule' },
    },
    {
      path: '/schedules/:name/edit',
      name: 'edit-schedule',
      component: () => import('./pages/ScheduleEditPage.vue'),
      props: true,
      meta: { title: 'Schedule' },
    },
    {
      path: '/schedules/:name',
      name: 'schedule',
      component: () => import('./pages/SchedulePage.vue'),
      props: true,
      meta: { title: 'Schedule' },
    },
    {
      path: '/urls/:view(status)?',
      name: 'urls',
      component: () => import('./pages/UrlsPage.vue'),
      props: true,
      meta: { title: 'URLs' },
    },
    {
      path: '/queues',
      name: 'queues',
      component: () => import('./pages/QueuesPage.vue'),
      meta: { title: 'Queues & workers' },
    },
    {
      path: '/failures',
      name: 'failures',
      component: () => import('./pages/FailuresPage.vue'),
      meta: { title: 'Failures' },
    },
    {
      path: '/charts',
      name: 'charts',
      component: () => import('./pages/ChartsPage.vue'),
      meta: { title: 'Charts' },
    },
    {
      path: '/settings/:section?',
      name: 'settings',
      component: () => import('./pages/SettingsPage.vue'),
      props: true,
      meta: { title: 'Settings' },
    },
    {
      path: '/sign-in',
      name: 'sign-in',
      component: () => import('./pages/SignInPage.vue'),
      meta: { title: 'Sign in', isOpen: true },
    },
    {
      path: '/:rest(.*)*',
      name: 'nowhere',
      component: () => import('./pages/NowherePage.vue'),
      meta: { title: 'Not found', isOpen: true },
    },
  ],
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
