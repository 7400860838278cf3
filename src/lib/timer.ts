export interface Timer {
  clear(): void;
}

/** Node's own timers reach 24.8 days. */
const longestMs = 2_000_000_000;

/** Calls back once after `ms`, however long that is. */
export function startTimer(ms: number, onTime: () => void): Timer {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number): void => {
    const stepMs = Math.min(leftMs, longestMs);
    timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : onTime()), stepMs);
  };
  arm(ms);
  return { clear: () => clearTimeout(timer) };
}
