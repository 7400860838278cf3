import { useNow as useEvery } from '@vueuse/core';
import { computed, type ComputedRef } from 'vue';

const coarse = useEvery({ interval: 10_000 });
const fine = useEvery({ interval: 1_000 });

/** Now, in milliseconds: one clock for the whole page. By the second for what runs, else every ten. */
export function useNow({ bySecond = false } = {}): ComputedRef<number> {
  return computed(() => (bySecond ? fine : coarse).value.getTime());
}
