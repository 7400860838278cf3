import { toValue, type MaybeRefOrGetter } from 'vue';
import { listFiles, readFileStart, type JobFileList } from '../../api/files.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** Files that a job took and made, and what could not be kept. */
export function useJobFiles(id: MaybeRefOrGetter<number>): LiveQuery<JobFileList> {
  return useLiveQuery<JobFileList>({
    key: () => ['files', toValue(id)],
    fetch: () => listFiles(toValue(id)),
    concerns: ({ jobId }) => jobId === toValue(id),
  });
}

/** More of a text is only for those who save it. */
export const previewBytes = 64 * 1024;

/** The beginning of a file of a job as text. */
export function useFileStart(jobId: number, id: number): LiveQuery<string> {
  return useLiveQuery<string>({
    key: ['file-start', jobId, id],
    fetch: () => readFileStart(jobId, id, previewBytes),
  });
}
