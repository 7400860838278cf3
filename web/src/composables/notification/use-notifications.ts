import { useDebounceFn } from '@vueuse/core';
import { ref, shallowRef, toValue, watch, type MaybeRefOrGetter, type Ref } from 'vue';
import type {
  NewNotificationRule,
  NotificationDelivery,
  NotificationPreview,
  NotificationRule,
} from '../../../../src/contract/notification.ts';
import type { ChannelType } from '../../../../src/contract/notification-facts.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { useAction } from '../page/use-action.ts';
import { useLiveQuery, type LiveQuery } from '../page/use-live-query.ts';

const path = '/api/v1/notification-rules';
const previewAfterMs = 300;
const mostShown = 20;

/** One's own rules, for operators those of all, and how one may be told here. */
export function useNotificationRules(): LiveQuery<{
  items: readonly NotificationRule[];
  channels: readonly ChannelType[];
}> {
  return useLiveQuery({
    key: ['notifications', 'rules'],
    fetch: () => dataOf(api.GET(path)),
    everyMs: 10_000,
  });
}

/** The last ones of a rule, asked again and again while somebody looks: the answers come late. */
export function useNotificationDeliveries(
  id: MaybeRefOrGetter<number>,
  isOn: MaybeRefOrGetter<boolean>,
): LiveQuery<readonly NotificationDelivery[]> {
  return useLiveQuery<readonly NotificationDelivery[]>({
    key: () => ['notifications', 'deliveries', toValue(id)],
    fetch: async () => {
      const params = { path: { id: toValue(id) }, query: { limit: mostShown } };
      return (await dataOf(api.GET(`${path}/{id}/deliveries`, { params }))).items;
    },
    everyMs: () => toValue(isOn) && 3_000,
    isOn,
  });
}

type PreviewedRule = Pick<NewNotificationRule, 'name' | 'filter' | 'events' | 'subject' | 'body'>;

/** What a rule would say, asked a moment after its terms stopped changing. Null terms: nothing is asked. */
export function useNotificationPreview(terms: MaybeRefOrGetter<PreviewedRule | null>): {
  preview: Ref<NotificationPreview | null>;
  error: Ref<ApiError | null>;
} {
  const preview = shallowRef<NotificationPreview | null>(null);
  const error = ref<ApiError | null>(null);
  let asked = 0;
  const ask = useDebounceFn(async (mine: number, body: PreviewedRule) => {
    try {
      const found = await dataOf(api.POST(`${path}/preview`, { body }));
      if (mine === asked) preview.value = found;
    } catch (cause) {
      if (mine === asked) error.value = toApiError(cause);
    }
  }, previewAfterMs);
  watch(
    () => JSON.stringify(toValue(terms)),
    () => {
      asked += 1;
      error.value = null;
      const body = toValue(terms);
      if (body) void ask(asked, body);
      else preview.value = null;
    },
    { immediate: true },
  );
  return { preview, error };
}

/** Each tells whether it was done; why not is shown. */
export function useNotificationActions(): {
  isBusy: Ref<boolean>;
  pause: (id: number, paused: boolean) => Promise<boolean>;
  /** From then on it tells of jobs that who looks sees. */
  takeOver: (id: number) => Promise<boolean>;
  remove: (id: number) => Promise<boolean>;
  /** Resolves with what the receivers answered; null when it was refused. */
  sendTest: (id: number) => Promise<readonly NotificationDelivery[] | null>;
} {
  const { isBusy, act } = useAction();
  const after = async (refused: string, call: () => Promise<unknown>): Promise<boolean> => {
    const isDone = await act(refused, call);
    await reload();
    return isDone;
  };
  return {
    isBusy,
    pause: (id, paused) =>
      after('The rule was not changed', () =>
        api.PATCH(`${path}/{id}`, { params: { path: { id } }, body: { paused } }),
      ),
    takeOver: (id) =>
      after('The rule was not taken over', () =>
        api.PATCH(`${path}/{id}`, { params: { path: { id } }, body: { takeOver: true } }),
      ),
    remove: (id) =>
      after('The rule was not removed', () => api.DELETE(`${path}/{id}`, { params: { path: { id } } })),
    sendTest: async (id) => {
      let answers: readonly NotificationDelivery[] | null = null;
      await after('No test was sent', async () => {
        const params = { path: { id } };
        answers = (await dataOf(api.POST(`${path}/{id}/test`, { params }))).items;
      });
      return answers;
    },
  };
}

/** Makes a rule, or changes one. @throws ApiError */
export async function putNotificationRule(id: number | null, body: NewNotificationRule): Promise<void> {
  if (id === null) await api.POST(path, { body });
  else {
    // Whether it is paused is changed elsewhere.
    const { paused: _paused, ...change } = body;
    await api.PATCH(`${path}/{id}`, { params: { path: { id } }, body: change });
  }
  await reload();
}

async function reload(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: ['notifications'] });
}
