import { useEventListener } from '@vueuse/core';
import { readonly, ref, shallowRef, type Ref } from 'vue';
import type { BulkAction, BulkAnswer } from '../../../../src/contract/bulk.ts';
import { toApiError, type ApiError } from '../../api/api-error.ts';
import { api, dataOf } from '../../api/client.ts';
import { serverAheadMs } from '../../api/server-clock.ts';
import type { BulkBody } from '../../api/models.ts';

export type BulkPreview = Extract<BulkAnswer, { status: 'dry run' }>;

/** An action on many jobs that somebody confirmed. */
export interface BulkOrder {
  id: number;
  action: BulkAction;
  filter: string;
  matched: number;
  isAtLeast: boolean;
  /** It can be taken back until it is sent. */
  stage:
    | { name: 'waiting'; untilMs: number }
    | { name: 'sending' }
    | { name: 'done'; answer: BulkAnswer }
    | { name: 'failed'; error: ApiError };
}

/** How long an order can be taken back. */
const undoMs = 6_000;

const orders = shallowRef<readonly BulkOrder[]>([]);
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let lastId = 0;

// Leaving the page takes nothing back: what was confirmed is sent at once, by a request that outlives the page.
useEventListener(window, 'pagehide', () => {
  for (const { id, stage } of orders.value) if (stage.name === 'waiting') void send(id);
});

/** The actions on many jobs that this page has under way, wherever on it one is. */
export function useBulkOrders(): {
  orders: Readonly<Ref<readonly BulkOrder[]>>;
  place: (order: Pick<BulkOrder, 'action' | 'filter' | 'matched' | 'isAtLeast'>) => void;
  /** Takes back what was not sent yet; forgets what was. */
  dismiss: (id: number) => void;
  sendNow: (id: number) => Promise<void>;
} {
  return {
    orders: readonly(orders) as typeof orders,
    place: (order) => {
      const id = (lastId += 1);
      orders.value = [
        ...orders.value,
        { ...order, id, stage: { name: 'waiting', untilMs: Date.now() + serverAheadMs.value + undoMs } },
      ];
      timers.set(
        id,
        setTimeout(() => void send(id), undoMs),
      );
    },
    dismiss: (id) => {
      clearTimeout(timers.get(id));
      orders.value = orders.value.filter((order) => order.id !== id);
    },
    sendNow: send,
  };
}

async function send(id: number): Promise<void> {
  const order = orders.value.find((one) => one.id === id);
  if (order?.stage.name !== 'waiting') return;
  clearTimeout(timers.get(id));
  setStage(id, { name: 'sending' });
  const { action, filter, matched, isAtLeast } = order;
  // What a choice leaves out is not sent; JSON has no undefined.
  const body = { ...action, filter, ...(isAtLeast ? {} : { expect: matched }) } as BulkBody;
  try {
    const answer = await dataOf(api.POST('/api/v1/jobs/bulk', { body: body, keepalive: true }));
    setStage(id, { name: 'done', answer });
  } catch (cause) {
    setStage(id, { name: 'failed', error: toApiError(cause) });
  }
}

function setStage(id: number, stage: BulkOrder['stage']): void {
  orders.value = orders.value.map((order) => (order.id === id ? { ...order, stage } : order));
}

/** How many jobs a filter finds, and the newest of them. What would be done to them plays no part. */
export function useBulkPreview(): {
  preview: Ref<BulkPreview | null>;
  error: Ref<ApiError | null>;
  load: (filter: string) => Promise<void>;
} {
  const preview = shallowRef<BulkPreview | null>(null);
  const error = ref<ApiError | null>(null);
  let asked = 0;
  return {
    preview,
    error,
    load: async (filter) => {
      const mine = (asked += 1);
      preview.value = null;
      error.value = null;
      try {
        const body = { action: 'cancel' as const, filter, dryRun: true };
        const found = await dataOf(api.POST('/api/v1/jobs/bulk', { body }));
        if (mine === asked && found.status === 'dry run') preview.value = found;
      } catch (cause) {
        if (mine === asked) error.value = toApiError(cause);
      }
    },
  };
}
