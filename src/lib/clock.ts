/** Time as a dependency, so that tests can move it. */
export interface Clock {
  /** Wall time, for records. It may jump. */
  now(): Date;
  /** Milliseconds that only ever grow, for durations and leases. Processes of one machine read the same. */
  monotonicMs(): number;
}

/**
 * Milliseconds of the machine's monotonic clock (CLOCK_MONOTONIC), whose zero lies somewhere before its start: one
 * process can tell another a moment in it. `performance.now()` counts from the start of its own process.
 */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: machineMs,
};
