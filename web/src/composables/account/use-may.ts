import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';
import type { JobSummary } from '../../../../src/contract/job.ts';
import { useSession } from './use-session.ts';

/** Whether who looks may do this to this job, which may be somebody else's; the server has the last word. */
export function useMay(
  permission: 'jobs.change' | 'jobs.cancel',
  job: MaybeRefOrGetter<Pick<JobSummary, 'ownerId'> | null | undefined>,
): ComputedRef<boolean> {
  const { can, isMine } = useSession();
  return computed(() => {
    const found = toValue(job);
    return can(found && isMine(found) ? permission : `${permission}-others`);
  });
}
