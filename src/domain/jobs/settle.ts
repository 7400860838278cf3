import type { Bell, JobStore } from './ports.ts';

/** Dependants decided about at once; the sweep takes the rest. */
const limit = 1_000;

/** Decides about jobs that wait for these (null: for any) to end, and rings where they can be taken now. */
export async function settleDependantsOf(
  of: readonly number[] | null,
  { store, bell }: { store: Pick<JobStore, 'settleDependants'>; bell: Pick<Bell, 'ring'> },
): Promise<void> {
  const { places } = await store.settleDependants({ of, limit });
  bell.ring(places);
}
