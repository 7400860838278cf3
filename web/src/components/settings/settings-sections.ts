import { defineAsyncComponent, type Component } from 'vue';
import type { Permission } from '../../../../src/contract/permissions.ts';

export interface SettingsSection {
  /** In the address: `/settings/tokens`. */
  path: string;
  label: string;
  icon: string;
  component: Component;
  /** Shown only to who may. */
  needs?: Permission;
}

/** What can be set, in order: one component and one line here. */
export const settingsSections: readonly SettingsSection[] = [
  {
    path: 'profile',
    label: 'Profile',
    icon: 'i-lucide-circle-user-round',
    component: defineAsyncComponent(() => import('./ProfileSettings.vue')),
  },
  {
    path: 'password',
    label: 'Password',
    icon: 'i-lucide-key-round',
    component: defineAsyncComponent(() => import('./PasswordSettings.vue')),
  },
  {
    path: 'sessions',
    label: 'Sessions',
    icon: 'i-lucide-monitor-smartphone',
    component: defineAsyncComponent(() => import('./SessionSettings.vue')),
  },
  {
    path: 'tokens',
    label: 'Tokens',
    icon: 'i-lucide-ticket',
    component: defineAsyncComponent(() => import('./TokenSettings.vue')),
    needs: 'tokens.own',
  },
  {
    path: 'notifications',
    label: 'Notifications',
    icon: 'i-lucide-bell',
    component: defineAsyncComponent(() => import('./NotificationSettings.vue')),
    needs: 'notifications.own',
  },
  {
    path: 'appearance',
    label: 'Appearance',
    icon: 'i-lucide-sun-moon',
    component: defineAsyncComponent(() => import('./AppearanceSettings.vue')),
  },
  {
    path: 'secrets',
    label: 'Secrets',
    icon: 'i-lucide-lock-keyhole',
    component: defineAsyncComponent(() => import('./SecretSettings.vue')),
    needs: 'secrets.read',
  },
  {
    path: 'users',
    label: 'Users',
    icon: 'i-lucide-users',
    component: defineAsyncComponent(() => import('./UserSettings.vue')),
    needs: 'users.read',
  },
  {
    path: 'retention',
    label: 'Retention',
    icon: 'i-lucide-hourglass',
    component: defineAsyncComponent(() => import('./RetentionSettings.vue')),
    needs: 'retention.read',
  },
  {
    path: 'audit',
    label: 'Audit',
    icon: 'i-lucide-scroll-text',
    component: defineAsyncComponent(() => import('./AuditSettings.vue')),
    needs: 'audit.read',
  },
  {
    path: 'server',
    label: 'Server',
    icon: 'i-lucide-server',
    component: defineAsyncComponent(() => import('./ServerSettings.vue')),
    needs: 'server.read',
  },
];
