/**
 * The times of one lease, for both sides of it. A worker that falls silent loses its attempts one lease after its last
 * beat; a program that could then be started a second time must be gone before. So its launcher asks it to end at
 * `askAfterMs` and kills it at `killAfterMs`, counted from when the newest beat that the database confirmed was *sent*;
 * the rescuer gives the attempt away after `giveUpAfterMs`, counted from when it first *saw* that beat, which is later.
 *
 * What is left between the kill and the giving up is for what nobody controls: a launcher that gets no processor, a
 * process that takes its time to die, clocks of two machines that run apart (NTP bends them by 0.05 % at most, a part of
 * a lease as well, which is why all of them are parts of it).
 */
export interface LeaseTimes {
  askAfterMs: number;
  killAfterMs: number;
  giveUpAfterMs: number;
}

export function leaseTimes(leaseMs: number): LeaseTimes {
  const marginMs = leaseMs / 4;
  return {
    askAfterMs: leaseMs - marginMs,
    killAfterMs: leaseMs - marginMs / 2,
    giveUpAfterMs: leaseMs,
  };
}
