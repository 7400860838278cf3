import { useLocalStorage } from '@vueuse/core';
import { computed, toValue, type ComputedRef, type MaybeRefOrGetter } from 'vue';

export interface RecentInput {
  kind: string;
  /** What the job was called. */
  name: string;
  input: Record<string, unknown>;
}

const kept = 8;

/** What was last submitted from this browser: inputs only, as options may hold what should not lie around. */
export function useRecentInputs(kind: MaybeRefOrGetter<string>): {
  recent: ComputedRef<readonly RecentInput[]>;
  remember: (input: RecentInput) => void;
} {
  const all = useLocalStorage<RecentInput[]>('daybook-recent-inputs', []);
  const recent = computed(() => all.value.filter((one) => one.kind === toValue(kind)));
  return {
    recent,
    remember: (added) => {
      const text = JSON.stringify(added.input);
      const others = recent.value.filter(({ input }) => JSON.stringify(input) !== text);
      const ofOtherKinds = all.value.filter((one) => one.kind !== added.kind);
      all.value = [added, ...others.slice(0, kept - 1), ...ofOtherKinds];
    },
  };
}
