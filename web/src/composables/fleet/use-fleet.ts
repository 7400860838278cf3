import type { Ref } from 'vue';
import type { Lane, Queue, Worker } from '../../../../src/contract/fleet.ts';
import type { JobSummary } from '../../../../src/contract/job.ts';
import type { QueueHistory } from '../../../../src/contract/stats.ts';
import { api, dataOf } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { useAction } from '../page/use-action.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** Beats of workers are no events, and others change queues and lanes: all are asked for by the clock, too. */
const everyMs = 5_000;
const historyEveryMs = 20_000;
const always = (): boolean => true;

export function useQueues(): LiveQuery<readonly Queue[]> {
  return useLiveQuery<readonly Queue[]>({
    key: ['queues'],
    fetch: async () => (await dataOf(api.GET('/api/v1/queues'))).items,
    concerns: always,
    everyMs,
  });
}

/** The last hour of every queue, by the minute. */
export function useQueueHistory(): LiveQuery<QueueHistory> {
  return useLiveQuery<QueueHistory>({
    key: ['queue-history'],
    fetch: () => dataOf(api.GET('/api/v1/stats/queues', { params: { query: { minutes: 60 } } })),
    everyMs: historyEveryMs,
  });
}

export function useWorkers(): LiveQuery<readonly Worker[]> {
  return useLiveQuery<readonly Worker[]>({
    key: ['workers'],
    fetch: async () => (await dataOf(api.GET('/api/v1/workers'))).items,
    concerns: always,
    everyMs,
  });
}

export function useLanes(): LiveQuery<readonly Lane[]> {
  return useLiveQuery<readonly Lane[]>({
    key: ['lanes'],
    fetch: async () => (await dataOf(api.GET('/api/v1/lanes'))).items,
    concerns: always,
    everyMs,
  });
}

/** What a worker runs now, the newest first. */
export function useJobsOfWorker(worker: () => Worker, limit: number): LiveQuery<readonly JobSummary[]> {
  return useLiveQuery<readonly JobSummary[]>({
    key: () => ['jobs-of-worker', worker().name],
    fetch: async () => {
      const query = { worker: worker().name, state: 'running', limit };
      return (await dataOf(api.GET('/api/v1/jobs', { params: { query } }))).items;
    },
    concerns: ({ name }) => name !== 'progress',
    everyMs,
    isOn: () => worker().running > 0,
  });
}

export interface FleetActions {
  isBusy: Ref<boolean>;
  putQueue: (name: string, change: QueueChange) => Promise<boolean>;
  removeQueue: (name: string) => Promise<boolean>;
  putLane: (key: string, change: { capacity: number; note?: string | null }) => Promise<boolean>;
  removeLane: (key: string) => Promise<boolean>;
  drain: (worker: Worker, draining: boolean) => Promise<boolean>;
}

export interface QueueChange {
  paused?: boolean;
  draining?: boolean;
  note?: string | null;
  capacity?: number | null;
}

/** What operators change. Each resolves with whether it was done; why not is shown. */
export function useFleetActions(): FleetActions {
  const { isBusy, act } = useAction();
  const change = async (refused: string, call: () => Promise<unknown>): Promise<boolean> => {
    const isDone = await act(refused, call);
    for (const key of ['queues', 'lanes', 'workers']) void queryClient.invalidateQueries({ queryKey: [key] });
    return isDone;
  };
  return {
    isBusy,
    putQueue: (name, body) =>
      change('The queue was not changed', () =>
        api.PUT('/api/v1/queues/{name}', { params: { path: { name } }, body }),
      ),
    removeQueue: (name) =>
      change('The queue was not removed', () =>
        api.DELETE('/api/v1/queues/{name}', { params: { path: { name } } }),
      ),
    putLane: (key, body) =>
      change('The lane was not changed', () =>
        api.PUT('/api/v1/lanes/{key}', { params: { path: { key } }, body }),
      ),
    removeLane: (key) =>
      change('The lane was not removed', () =>
        api.DELETE('/api/v1/lanes/{key}', { params: { path: { key } } }),
      ),
    drain: ({ id }, draining) =>
      change('The worker was not changed', () =>
        api.PATCH('/api/v1/workers/{id}', { params: { path: { id } }, body: { draining } }),
      ),
  };
}
