import { useColorMode, useDebounceFn } from '@vueuse/core';
import { computed, shallowRef, watch, type ComputedRef, type Ref } from 'vue';
import { useRouter } from 'vue-router';
import type { JobSummary } from '../../../../src/contract/job.ts';
import { api, dataOf } from '../../api/client.ts';
import { navigation } from '../../pages.ts';
import { filterProblem } from '../diary/use-filter-terms.ts';
import { signOut, useSession } from '../account/use-session.ts';
import { useViews } from '../diary/use-views.ts';

export interface PaletteItem {
  id: string;
  group: 'Jobs' | 'Pages' | 'Actions' | 'Views';
  label: string;
  icon: string;
  hint?: string;
  job?: JobSummary;
  run: () => unknown;
}

const mostJobs = 8;

/** What the palette offers for what is typed: jobs as the server finds them, pages, actions and saved views. */
export function usePalette(typed: Ref<string>): {
  items: ComputedRef<readonly PaletteItem[]>;
  isSearching: Ref<boolean>;
} {
  const router = useRouter();
  const { can } = useSession();
  const { views } = useViews();
  const { store: mode } = useColorMode();
  const jobs = shallowRef<readonly JobSummary[]>([]);
  const isSearching = shallowRef(false);
  let asked = 0;

  const search = useDebounceFn(async (q: string) => {
    const mine = (asked += 1);
    const query = { q, limit: mostJobs };
    // A palette without jobs is still one; the diary says what went wrong.
    const found = await dataOf(api.GET('/api/v1/jobs', { params: { query } })).catch(() => null);
    if (mine !== asked) return;
    jobs.value = found?.items ?? [];
    isSearching.value = false;
  }, 120);
  watch(typed, (text) => {
    const q = text.trim();
    isSearching.value = q !== '' && filterProblem(q) === null;
    if (isSearching.value) return void search(/^\d+$/.test(q) ? `id:${q}` : q);
    asked += 1;
    jobs.value = [];
  });

  const go = (to: string) => () => router.push(to);
  const fixed = computed((): PaletteItem[] => [
    ...navigation
      .filter(({ needs }) => !needs || can(needs))
      .map(({ label, icon, to, keys }) => ({
        id: to,
        group: 'Pages' as const,
        label,
        icon,
        hint: keys,
        run: go(to),
      })),
    ...views.value.map(({ name, owner, ownerId, filter }) => ({
      id: `view-${owner}-${ownerId}-${name}`,
      group: 'Views' as const,
      label: name,
      icon: 'i-lucide-bookmark',
      hint: filter,
      run: go(`/?q=${encodeURIComponent(filter)}`),
    })),
    ...(
      [
        ['light', 'Theme: light', 'i-lucide-sun'],
        ['dark', 'Theme: dark', 'i-lucide-moon'],
        ['auto', 'Theme: as the system', 'i-lucide-sun-moon'],
      ] as const
    ).map(([choice, label, icon]) => ({
      id: choice,
      group: 'Actions' as const,
      label,
      icon,
      run: () => (mode.value = choice),
    })),
    {
      id: 'api',
      group: 'Actions',
      label: 'API reference',
      icon: 'i-lucide-braces',
      run: () => window.open('/api/docs'),
    },
    {
      id: 'sign-out',
      group: 'Actions',
      label: 'Sign out',
      icon: 'i-lucide-log-out',
      run: async () => {
        await signOut();
        await router.push('/sign-in');
      },
    },
  ]);

  const items = computed((): PaletteItem[] => {
    const found = jobs.value.map((job) => ({
      id: `job-${job.id}`,
      group: 'Jobs' as const,
      label: job.name,
      icon: 'i-lucide-notebook-text',
      job,
      run: go(`/jobs/${job.id}`),
    }));
    const filter = typed.value.trim();
    const toDiary: PaletteItem[] =
      found.length < mostJobs
        ? []
        : [
            {
              id: 'all',
              group: 'Jobs',
              label: `All jobs of “${filter}”`,
              icon: 'i-lucide-book-open',
              run: go(`/?q=${encodeURIComponent(filter)}`),
            },
          ];
    return [...found, ...toDiary, ...fixed.value.filter(({ label }) => fits(label, filter))];
  });
  return { items, isSearching };
}

/** Whether every word typed begins a word of the text. */
export function fits(text: string, typed: string): boolean {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u);
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((part) => words.some((word) => word.startsWith(part)));
}
