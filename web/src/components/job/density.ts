import { useLocalStorage } from '@vueuse/core';
import type { Ref } from 'vue';

export const densities = ['comfortable', 'compact'] as const;
export type Density = (typeof densities)[number];

/** Heights of a row of the diary in pixels, which the list must know before it draws them. */
export const rowHeights: Readonly<Record<Density, { wide: number; narrow: number }>> = {
  comfortable: { wide: 44, narrow: 64 },
  compact: { wide: 32, narrow: 52 },
};

/** How close together the rows of the diary stand in this browser. */
export function useDensity(): Ref<Density> {
  return useLocalStorage<Density>('daybook-density', 'comfortable');
}
