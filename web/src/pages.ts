import type { Permission } from '../../src/contract/permissions.ts';

/** One page: its address, and where people find it. */
export interface Page {
  path: string;
  name: string;
  /** Of the window, and of its entry in the navigation. */
  title: string;
  load: () => Promise<unknown>;
  /** What the address names becomes properties of the component. */
  props?: true;
  /** Also for who is not signed in. */
  isOpen?: true;
  /** Its place in the sidebar and in the command palette; without one, other pages lead there. */
  navigation?: {
    icon: string;
    /** Two keys that lead there, as `g d`. */
    keys: string;
    /** Shown only to who may. */
    needs?: Permission;
  };
}

/** Every page is an address, and stands in the navigation in this order. */
export const pages: readonly Page[] = [
  {
    path: '/',
    name: 'diary',
    title: 'Diary',
    load: () => import('./pages/DiaryPage.vue'),
    navigation: { icon: 'i-lucide-book-open', keys: 'g d' },
  },
  {
    path: '/jobs/:id/:tab?',
    name: 'job',
    title: 'Job',
    load: () => import('./pages/JobPage.vue'),
    props: true,
  },
  {
    path: '/inbox',
    name: 'inbox',
    title: 'Inbox',
    load: () => import('./pages/InboxPage.vue'),
    navigation: { icon: 'i-lucide-inbox', keys: 'g i' },
  },
  {
    path: '/submit/:kind?',
    name: 'submit',
    title: 'Submit',
    load: () => import('./pages/SubmitPage.vue'),
    props: true,
    navigation: { icon: 'i-lucide-square-plus', keys: 'g s', needs: 'jobs.submit' },
  },
  {
    path: '/schedules',
    name: 'schedules',
    title: 'Schedules',
    load: () => import('./pages/SchedulesPage.vue'),
    navigation: { icon: 'i-lucide-calendar-clock', keys: 'g e' },
  },
  {
    path: '/schedules/new',
    name: 'new-schedule',
    title: 'New schedule',
    load: () => import('./pages/ScheduleEditPage.vue'),
  },
  {
    path: '/schedules/:name/edit',
    name: 'edit-schedule',
    title: 'Schedule',
    load: () => import('./pages/ScheduleEditPage.vue'),
    props: true,
  },
  {
    path: '/schedules/:name',
    name: 'schedule',
    title: 'Schedule',
    load: () => import('./pages/SchedulePage.vue'),
    props: true,
  },
  {
    path: '/urls/:view(status)?',
    name: 'urls',
    title: 'URLs',
    load: () => import('./pages/UrlsPage.vue'),
    props: true,
    navigation: { icon: 'i-lucide-globe', keys: 'g u' },
  },
  {
    path: '/queues',
    name: 'queues',
    title: 'Queues & workers',
    load: () => import('./pages/QueuesPage.vue'),
    navigation: { icon: 'i-lucide-layers', keys: 'g q' },
  },
  {
    path: '/failures',
    name: 'failures',
    title: 'Failures',
    load: () => import('./pages/FailuresPage.vue'),
    navigation: { icon: 'i-lucide-octagon-alert', keys: 'g f' },
  },
  {
    path: '/charts',
    name: 'charts',
    title: 'Charts',
    load: () => import('./pages/ChartsPage.vue'),
    navigation: { icon: 'i-lucide-chart-column', keys: 'g c' },
  },
  {
    path: '/settings/:section?',
    name: 'settings',
    title: 'Settings',
    load: () => import('./pages/SettingsPage.vue'),
    props: true,
    navigation: { icon: 'i-lucide-settings', keys: 'g t' },
  },
  {
    path: '/sign-in',
    name: 'sign-in',
    title: 'Sign in',
    load: () => import('./pages/SignInPage.vue'),
    isOpen: true,
  },
  {
    path: '/:rest(.*)*',
    name: 'nowhere',
    title: 'Not found',
    load: () => import('./pages/NowherePage.vue'),
    isOpen: true,
  },
];

/** The places of the product, in the order of the sidebar and of the command palette. */
export const navigation = pages.flatMap(({ path, title, navigation: place }) =>
  // What may stand behind it in the address is a part of that page.
  place ? [{ ...place, label: title, to: path.replace(/\/:.*/, '') }] : [],
);
