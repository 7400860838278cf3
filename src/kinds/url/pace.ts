export interface PaceOptions {
  /** In all. */
  concurrency: number;
  perHost: number;
  /** Between two starts on one host. */
  hostIntervalMs: number;
  signal: AbortSignal;
}

interface Host<Item> {
  waiting: Item[];
  running: number;
  /** When the next may start, by the monotonic clock. */
  freeAtMs: number;
}

/**
 * Does something with each item, some at once, and with each host no faster than it was told. A slow host holds up only
 * its own items. Rejects with the first error, when nothing runs any more.
 */
export function inPace<Item>(
  items: Iterable<Item>,
  hostOf: (item: Item) => string,
  { concurrency, perHost, hostIntervalMs, signal }: PaceOptions,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const hosts = byHost(items, hostOf);
  return new Promise((resolve, reject) => {
    let running = 0;
    const failures: unknown[] = [];
    let timer: NodeJS.Timeout | undefined;
    const begin = (host: Host<Item>, item: Item): void => {
      running += 1;
      host.running += 1;
      host.freeAtMs = performance.now() + hostIntervalMs;
      action(item)
        .catch((error: unknown) => failures.push(error))
        .finally(() => {
          running -= 1;
          host.running -= 1;
          goOn();
        });
    };
    const mayGoOn = (): boolean => failures.length === 0 && !signal.aborted;
    const hasRoom = (host: Host<Item>): boolean =>
      host.waiting.length > 0 && running < concurrency && host.running < perHost;
    /** What may begin on a host now; the milliseconds until it may begin more, where only time is missing. */
    const beginOn = (host: Host<Item>): number => {
      while (hasRoom(host)) {
        const waitMs = host.freeAtMs - performance.now();
        if (waitMs > 0) return waitMs;
        begin(host, host.waiting.pop() as Item);
      }
      return Infinity;
    };
    const goOn = (): void => {
      clearTimeout(timer);
      let untilMs = Infinity;
      if (mayGoOn()) {
        for (const [name, host] of hosts) {
          if (running >= concurrency) break;
          untilMs = Math.min(untilMs, beginOn(host));
          if (host.waiting.length === 0) hosts.delete(name);
        }
        if (untilMs !== Infinity) timer = setTimeout(goOn, untilMs);
      }
      if (running > 0 || (untilMs !== Infinity && mayGoOn())) return;
      signal.removeEventListener('abort', goOn);
      if (failures.length > 0) reject(failures[0]);
      else if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    signal.addEventListener('abort', goOn);
    goOn();
  });
}

/** Reversed, so that taking the next one is cheap. */
function byHost<Item>(items: Iterable<Item>, hostOf: (item: Item) => string): Map<string, Host<Item>> {
  const hosts = new Map<string, Host<Item>>();
  for (const item of items) {
    const name = hostOf(item);
    const host = hosts.get(name) ?? { waiting: [], running: 0, freeAtMs: 0 };
    hosts.set(name, host);
    host.waiting.push(item);
  }
  for (const { waiting } of hosts.values()) waiting.reverse();
  return hosts;
}
