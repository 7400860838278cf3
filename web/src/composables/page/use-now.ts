import { useNow as useEvery } from '@vueuse/core';
import { computed, type ComputedRef } from 'vue';
import { serverAheadMs } from '../../api/server-clock.ts';

const every = useEvery({ interval: 1_000 });
const now = computed(() => every.value.getTime() + serverAheadMs.value);

/** Now, in milliseconds, by the second: one clock for the whole page, that of the server, whose times it is held against. */
export function useNow(): ComputedRef<number> {
  return now;
}
