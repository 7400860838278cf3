import type { Permission } from '../../../../src/contract/permissions.ts';

export interface NavigationItem {
  label: string;
  icon: string;
  to: string;
  /** Shown only to who may. */
  needs?: Permission;
  /** Two keys that lead there, as `g d`. */
  keys: string;
}

/** The places of the product, in the order of the sidebar and of the command palette. */
export const navigation: readonly NavigationItem[] = [
  { label: 'Diary', icon: 'i-lucide-book-open', to: '/', keys: 'g d' },
  { label: 'Inbox', icon: 'i-lucide-inbox', to: '/inbox', keys: 'g i' },
  { label: 'Submit', icon: 'i-lucide-square-plus', to: '/submit', needs: 'jobs.submit', keys: 'g s' },
  { label: 'Schedules', icon: 'i-lucide-calendar-clock', to: '/schedules', keys: 'g e' },
  { label: 'URLs', icon: 'i-lucide-globe', to: '/urls', keys: 'g u' },
  { label: 'Queues & workers', icon: 'i-lucide-layers', to: '/queues', keys: 'g q' },
  { label: 'Failures', icon: 'i-lucide-octagon-alert', to: '/failures', keys: 'g f' },
  { label: 'Charts', icon: 'i-lucide-chart-column', to: '/charts', keys: 'g c' },
  { label: 'Settings', icon: 'i-lucide-settings', to: '/settings', keys: 'g t' },
];
