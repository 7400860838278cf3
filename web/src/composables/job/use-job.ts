import { useToast } from '@nuxt/ui/composables/useToast';
import { ref, toValue, type MaybeRefOrGetter, type Ref } from 'vue';
import type { Job } from '../../../../src/contract/job.ts';
import { toApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import type { JobChangeBody } from '../../api/models.ts';
import { queryClient } from '../../api/query-client.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** One job with everything that its page shows at once; follows what happens to it. */
export function useJob(id: MaybeRefOrGetter<string>): LiveQuery<Job> {
  return useLiveQuery<Job>({
    key: () => ['job', toValue(id)],
    fetch: () => dataOf(api.GET('/api/v1/jobs/{id}', at(toValue(id)))),
    concerns: ({ jobId }) => String(jobId) === toValue(id),
  });
}

export interface JobActions {
  isBusy: Ref<boolean>;
  change: (change: JobChangeBody) => Promise<boolean>;
  cancel: () => Promise<boolean>;
  retry: () => Promise<boolean>;
  remove: () => Promise<boolean>;
}

/** What can be done to a job. Each resolves with whether it was done; why not is shown. */
export function useJobActions(id: MaybeRefOrGetter<string>): JobActions {
  const toast = useToast();
  const isBusy = ref(false);
  async function act(what: string, call: () => Promise<{ data?: unknown }>): Promise<boolean> {
    isBusy.value = true;
    try {
      const { data } = await call();
      // What only reading tells stays as it was read.
      if (data)
        queryClient.setQueryData(['job', toValue(id)], (before: Job | undefined) => ({ ...before, ...data }));
      return true;
    } catch (cause) {
      const { message, code } = toApiError(cause);
      toast.add({
        title: what,
        description: `${message} (${code})`,
        color: 'error',
        icon: 'i-lucide-circle-alert',
      });
      return false;
    } finally {
      isBusy.value = false;
    }
  }
  return {
    isBusy,
    change: (change) =>
      act('Not changed', () => api.PATCH('/api/v1/jobs/{id}', { ...at(toValue(id)), body: change })),
    cancel: () => act('Not cancelled', () => api.POST('/api/v1/jobs/{id}/cancel', at(toValue(id)))),
    retry: () => act('Not run again', () => api.POST('/api/v1/jobs/{id}/retry', at(toValue(id)))),
    remove: () => act('Not removed', () => api.DELETE('/api/v1/jobs/{id}', at(toValue(id)))),
  };
}

function at(id: string): { params: { path: { id: string } } } {
  return { params: { path: { id } } };
}
