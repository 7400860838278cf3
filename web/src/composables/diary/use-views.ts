import { computed, type ComputedRef } from 'vue';
import type { View } from '../../../../src/contract/view.ts';
import { api, dataOf } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { sameFilter } from './use-filter-terms.ts';
import { useLiveQuery } from '../page/use-live-query.ts';
import { useSession } from '../account/use-session.ts';

/** Filters that are kept under a name: one's own, and those that others share. */
export function useViews(): {
  views: ComputedRef<readonly View[]>;
  isMine: (view: View) => boolean;
  mayChange: (view: View) => boolean;
  /** The view that says the same as a filter, one's own first. */
  viewOf: (filter: string) => View | null;
  /** @throws {ApiError} */
  save: (view: Omit<View, 'changedAt' | 'ownerId'>) => Promise<void>;
  /** @throws {ApiError} */
  remove: (view: Pick<View, 'name' | 'owner'>) => Promise<void>;
} {
  const { can, isMine, name } = useSession();
  const { data } = useLiveQuery({
    key: ['views'],
    fetch: () => dataOf(api.GET('/api/v1/views')),
    everyMs: 120_000,
  });
  const isOfNamesake = ({ owner }: View): boolean => owner.toLowerCase() === name.value.toLowerCase();
  const views = computed(() =>
    (data.value?.items ?? []).toSorted((a, b) => Number(isMine(b)) - Number(isMine(a))),
  );
  const at = (view: Pick<View, 'name' | 'owner'>) => ({
    params: { path: { name: view.name }, query: { owner: view.owner } },
  });
  const reload = () => queryClient.invalidateQueries({ queryKey: ['views'] });
  return {
    views,
    isMine,
    // Under one's own name stand one's own views, not those that a namesake left.
    mayChange: (view) =>
      isMine(view) ? can('views.change') : !isOfNamesake(view) && can('views.change-others'),
    viewOf: (filter) =>
      filter === '' ? null : (views.value.find((view) => sameFilter(view.filter, filter)) ?? null),
    save: async ({ filter, shared, ...which }) => {
      await api.PUT('/api/v1/views/{name}', { ...at(which), body: { filter, shared } });
      await reload();
    },
    remove: async (which) => {
      await api.DELETE('/api/v1/views/{name}', at(which));
      await reload();
    },
  };
}
