import { ref, type Ref } from 'vue';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import { sampleJob } from '../../kinds/script/sample-job.ts';

/** Submits a first job; resolves with the number of the job, or null. */
export function useSampleJob(): {
  isBusy: Ref<boolean>;
  error: Ref<ApiError | null>;
  submit: () => Promise<number | null>;
} {
  const isBusy = ref(false);
  const error = ref<ApiError | null>(null);
  return {
    isBusy,
    error,
    submit: async () => {
      isBusy.value = true;
      error.value = null;
      try {
        return (await dataOf(api.POST('/api/v1/jobs', { body: sampleJob }))).id;
      } catch (cause) {
        error.value = toApiError(cause);
        return null;
      } finally {
        isBusy.value = false;
      }
    },
  };
}
