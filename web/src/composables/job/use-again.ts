import { ref, shallowRef, toValue, type MaybeRefOrGetter, type Ref } from 'vue';
import type { AgainDifference } from '../../../../src/contract/again.ts';
import type { Job } from '../../../../src/contract/job.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';

export interface AgainChoice {
  as: 'it-was' | 'it-is';
  edit?: Record<string, unknown>;
}

/** Runs a job once more, as a new job, and says before what would be different. */
export function useAgain(id: MaybeRefOrGetter<number>): {
  difference: Ref<AgainDifference | null>;
  error: Ref<ApiError | null>;
  isBusy: Ref<boolean>;
  compare: (choice: AgainChoice) => Promise<void>;
  run: (choice: AgainChoice) => Promise<Job | null>;
} {
  const difference = shallowRef<AgainDifference | null>(null);
  const error = shallowRef<ApiError | null>(null);
  const isBusy = ref(false);
  let asked = 0;
  const post = ({ as, edit = {} }: AgainChoice, dryRun: boolean) => {
    const params = { path: { id: String(toValue(id)) } };
    return dataOf(api.POST('/api/v1/jobs/{id}/again', { params, body: { as, edit, dryRun } }));
  };
  return {
    difference,
    error,
    isBusy,
    compare: async (choice) => {
      const mine = (asked += 1);
      try {
        const found = (await post(choice, true)) as AgainDifference;
        if (mine !== asked) return;
        difference.value = found;
        error.value = null;
      } catch (cause) {
        if (mine === asked) error.value = toApiError(cause);
      }
    },
    run: async (choice) => {
      isBusy.value = true;
      try {
        return (await post(choice, false)) as Job;
      } catch (cause) {
        error.value = toApiError(cause);
        return null;
      } finally {
        isBusy.value = false;
      }
    },
  };
}
