import { useDebounceFn } from '@vueuse/core';
import { ref, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref } from 'vue';
import type { Job } from '../../../../src/contract/job.ts';
import type {
  JobRetention,
  RetentionPreview,
  RetentionRule,
  RetentionTerms,
} from '../../../../src/contract/retention.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { useAction } from '../page/use-action.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

export function useRetentionRules(): LiveQuery<readonly RetentionRule[]> {
  return useLiveQuery<readonly RetentionRule[]>({
    key: ['retention'],
    fetch: async () => (await dataOf(api.GET('/api/v1/retention-rules'))).items,
    everyMs: 10_000,
  });
}

/** Which rules take a job, and when; told anew when what they look at may have changed. */
export function useJobRetention(job: MaybeRefOrGetter<Job>): LiveQuery<JobRetention> {
  return useLiveQuery<JobRetention>({
    key: () => ['job-retention', toValue(job).id, toValue(job).endedAt, toValue(job).keep],
    fetch: () =>
      dataOf(api.GET('/api/v1/jobs/{id}/retention', { params: { path: { id: String(toValue(job).id) } } })),
    concerns: ({ jobId }) => jobId === toValue(job).id,
    isOn: () => toValue(job).endedAt !== null,
  });
}

/** What a rule would remove now, asked a moment after its terms stopped changing. Null terms: nothing is asked. */
export function useRetentionPreview(terms: MaybeRefOrGetter<RetentionTerms | null>): {
  preview: Ref<RetentionPreview | null>;
  error: Ref<ApiError | null>;
} {
  const preview = shallowRef<RetentionPreview | null>(null);
  const error = ref<ApiError | null>(null);
  let asked = 0;
  const ask = useDebounceFn(async (mine: number, body: RetentionTerms) => {
    try {
      const found = await dataOf(api.POST('/api/v1/retention-rules/preview', { body }));
      if (mine === asked) preview.value = found;
    } catch (cause) {
      if (mine === asked) error.value = toApiError(cause);
    }
  }, 300);
  watch(
    () => JSON.stringify(toValue(terms)),
    () => {
      asked += 1;
      preview.value = null;
      error.value = null;
      const body = toValue(terms);
      if (body) void ask(asked, body);
    },
    { immediate: true },
  );
  return { preview, error };
}

/** Each resolves with whether it was done; why not is shown. */
export function useRetentionActions(): {
  isBusy: Ref<boolean>;
  add: (rule: RetentionTerms & { name: string }) => Promise<boolean>;
  change: (
    id: number,
    change: Partial<RetentionTerms & { name: string; enabled: boolean }>,
  ) => Promise<boolean>;
  remove: (id: number) => Promise<boolean>;
} {
  const { isBusy, act } = useAction();
  const after = async (refused: string, call: () => Promise<unknown>): Promise<boolean> => {
    const isDone = await act(refused, call);
    await queryClient.invalidateQueries({ queryKey: ['retention'] });
    return isDone;
  };
  return {
    isBusy,
    add: (body) => after('The rule was not announced', () => api.POST('/api/v1/retention-rules', { body })),
    change: (id, body) =>
      after('The rule was not changed', () =>
        api.PATCH('/api/v1/retention-rules/{id}', { params: { path: { id } }, body }),
      ),
    remove: (id) =>
      after('The rule was not removed', () =>
        api.DELETE('/api/v1/retention-rules/{id}', { params: { path: { id } } }),
      ),
  };
}
