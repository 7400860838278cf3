import { refDebounced } from '@vueuse/core';
import { computed, type ComputedRef } from 'vue';
import { feedState } from '../../api/event-feed.ts';
import { useSession } from '../account/use-session.ts';

/** Whether the page has lost its server. One that is back at once is nobody's concern. */
export function useConnection(): { isLost: ComputedRef<boolean> } {
  const { isExpired } = useSession();
  const isLost = computed(() => feedState.value === 'lost' && !isExpired.value);
  const isLostForLong = refDebounced(isLost, 1_500);
  return { isLost: computed(() => isLost.value && isLostForLong.value) };
}
