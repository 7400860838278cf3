/** Time as a dependency, so that tests can move it. */
export interface Clock {
  /** Wall time, for records. It may jump. */
  now(): Date;
  /** Milliseconds that only ever grow, for durations and leases. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
