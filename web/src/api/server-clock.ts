import { ref } from 'vue';

/** How far the server's clock is ahead of this machine's; what is younger than a clock would be in the future. */
export const serverAheadMs = ref(0);

/** The header has whole seconds; less than that is no difference. */
const preciseToMs = 1_000;

/** @param date the header `Date` of an answer that has just come */
export function noteServerTime(date: string | null): void {
  const told = date === null ? Number.NaN : Date.parse(date);
  // It may be as much as a second later than that already.
  const aheadMs = told + preciseToMs / 2 - Date.now();
  if (Number.isNaN(told) || Math.abs(aheadMs - serverAheadMs.value) <= preciseToMs) return;
  serverAheadMs.value = Math.abs(aheadMs) <= preciseToMs ? 0 : aheadMs;
}
