import { computed, type WritableComputedRef } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { readRange, writeRange, type RangePreset, type TimeRange } from '../../format/time-range.ts';

/** The time that the address of this page names. */
export function useTimeRange(fallback: RangePreset): WritableComputedRef<TimeRange> {
  const route = useRoute();
  const router = useRouter();
  return computed({
    get: () => readRange(route.query, fallback),
    set: (range) => {
      const { from: _from, to: _to, range: _range, ...others } = route.query;
      void router.replace({ query: { ...others, ...writeRange(range) } });
    },
  });
}
