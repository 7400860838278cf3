import { refDebounced } from '@vueuse/core';
import { computed, toValue, type MaybeRefOrGetter, type Ref } from 'vue';
import type {
  CrontabImport,
  Schedule,
  SchedulePreview,
  ScheduleRun,
  ScheduleTimeline,
} from '../../../../src/contract/schedule.ts';
import type { NewScheduleBody, ScheduleTerms } from '../../api/models.ts';
import { api, dataOf } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { useAction } from '../page/use-action.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

/** Others change schedules, and moments pass without a job. */
const everyMs = 10_000;
const previewAfterMs = 300;

const mayBeOurs = ({ name }: { name: string }): boolean => name !== 'progress';

export function useSchedules(): LiveQuery<readonly Schedule[]> {
  return useLiveQuery<readonly Schedule[]>({
    key: ['schedules'],
    fetch: async () => (await dataOf(api.GET('/api/v1/schedules'))).items,
    concerns: mayBeOurs,
    everyMs,
    atMostEveryMs: 2_000,
  });
}

/** One day back, one day ahead. */
export function useScheduleTimeline(): LiveQuery<ScheduleTimeline> {
  return useLiveQuery<ScheduleTimeline>({
    key: ['schedules', 'timeline'],
    fetch: () => dataOf(api.GET('/api/v1/schedules/timeline')),
    concerns: mayBeOurs,
    everyMs,
    atMostEveryMs: 5_000,
  });
}

export function useSchedule(name: MaybeRefOrGetter<string>): LiveQuery<Schedule> {
  return useLiveQuery<Schedule>({
    key: () => ['schedules', 'one', toValue(name)],
    fetch: () => dataOf(api.GET('/api/v1/schedules/{name}', { params: { path: { name: toValue(name) } } })),
    concerns: mayBeOurs,
    everyMs,
    atMostEveryMs: 2_000,
    isOn: () => toValue(name) !== '',
  });
}

/** The newest first. */
export function useScheduleRuns(
  name: MaybeRefOrGetter<string>,
  limit: MaybeRefOrGetter<number>,
): LiveQuery<readonly ScheduleRun[]> {
  return useLiveQuery<readonly ScheduleRun[]>({
    key: () => ['schedules', 'runs', toValue(name), toValue(limit)],
    fetch: async () => {
      const params = { path: { name: toValue(name) }, query: { limit: toValue(limit) } };
      return (await dataOf(api.GET('/api/v1/schedules/{name}/runs', { params }))).items;
    },
    concerns: mayBeOurs,
    everyMs,
    atMostEveryMs: 2_000,
  });
}

/** When a rule would be due, a moment after the last key. */
export function useSchedulePreview(
  terms: MaybeRefOrGetter<Record<string, unknown>>,
): LiveQuery<SchedulePreview> & { isStale: Ref<boolean> } {
  const current = computed(() => JSON.stringify(toValue(terms)));
  const settled = refDebounced(current, previewAfterMs);
  const query = useLiveQuery<SchedulePreview>({
    key: () => ['schedule-preview', settled.value],
    fetch: () =>
      dataOf(api.POST('/api/v1/schedules/preview', { body: JSON.parse(settled.value) as ScheduleTerms })),
    isOn: () => (JSON.parse(settled.value) as { cron: string }).cron.trim() !== '',
  });
  return { ...query, isStale: computed(() => current.value !== settled.value) };
}

export interface ScheduleActions {
  isBusy: Ref<boolean>;
  pause: (name: string, paused: boolean) => Promise<boolean>;
  runNow: (name: string) => Promise<boolean>;
  /** From then on it submits in the name of who looks. */
  takeOver: (name: string) => Promise<boolean>;
  remove: (name: string) => Promise<boolean>;
}

/** Each resolves with whether it was done; why not is shown. */
export function useScheduleActions(): ScheduleActions {
  const { isBusy, act } = useAction();
  const change = async (refused: string, call: () => Promise<unknown>): Promise<boolean> => {
    const isDone = await act(refused, call);
    void queryClient.invalidateQueries({ queryKey: ['schedules'] });
    return isDone;
  };
  return {
    isBusy,
    pause: (name, paused) =>
      change(`${name} was not changed`, () =>
        api.PATCH('/api/v1/schedules/{name}', { params: { path: { name } }, body: { paused } }),
      ),
    runNow: (name) =>
      change(`${name} was not run`, () =>
        api.POST('/api/v1/schedules/{name}/run', { params: { path: { name } } }),
      ),
    takeOver: (name) =>
      change(`${name} was not taken over`, () =>
        api.PATCH('/api/v1/schedules/{name}', { params: { path: { name } }, body: { takeOver: true } }),
      ),
    remove: (name) =>
      change(`${name} was not removed`, () =>
        api.DELETE('/api/v1/schedules/{name}', { params: { path: { name } } }),
      ),
  };
}

/** Makes a schedule, or changes the one of that name. @throws ApiError */
export async function putSchedule(name: string | null, body: Record<string, unknown>): Promise<Schedule> {
  const stored = await dataOf(
    name === null
      ? api.POST('/api/v1/schedules', { body: body as NewScheduleBody })
      : api.PATCH('/api/v1/schedules/{name}', {
          params: { path: { name } },
          body: body,
        }),
  );
  void queryClient.invalidateQueries({ queryKey: ['schedules'] });
  return stored;
}

interface CrontabOrder {
  crontab: string;
  hasUser: boolean;
  /** Only tells what would be made. */
  dryRun: boolean;
}

/** Null: refused; why is shown. Lines that name no zone are read in that of the browser. */
export function useCrontabImport(): {
  isBusy: Ref<boolean>;
  importCrontab: (order: CrontabOrder) => Promise<CrontabImport | null>;
} {
  const { isBusy, act } = useAction();
  const { timeZone: timezone } = Intl.DateTimeFormat().resolvedOptions();
  return {
    isBusy,
    importCrontab: async (order) => {
      let answer: CrontabImport | null = null;
      await act('The crontab was not imported', async () => {
        answer = await dataOf(api.POST('/api/v1/schedules/import', { body: { ...order, timezone } }));
      });
      if (!order.dryRun) void queryClient.invalidateQueries({ queryKey: ['schedules'] });
      return answer;
    },
  };
}
