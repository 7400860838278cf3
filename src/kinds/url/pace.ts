import { delay } from '../../lib/delay.ts';

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
export async function inPace<Item>(
  items: Iterable<Item>,
  hostOf: (item: Item) => string,
  { concurrency, perHost, hostIntervalMs, signal }: PaceOptions,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const hosts = byHost(items, hostOf);
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const running = new Set<Promise<void>>();
  const begin = (host: Host<Item>, item: Item): void => {
    host.running += 1;
    host.freeAtMs = performance.now() + hostIntervalMs;
    const done = action(item)
      .catch((error: unknown) => failed.abort(error))
      .finally(() => {
        host.running -= 1;
        running.delete(done);
      });
    running.add(done);
  };
  while (!stop.aborted) {
    let untilMs = Infinity;
    for (const [name, host] of hosts) {
      if (host.waiting.length === 0) hosts.delete(name);
      while (host.waiting.length > 0 && running.size < concurrency && host.running < perHost) {
        const waitMs = host.freeAtMs - performance.now();
        if (waitMs > 0) {
          untilMs = Math.min(untilMs, waitMs);
          break;
        }
        begin(host, host.waiting.pop() as Item);
      }
      if (running.size >= concurrency) break;
    }
    if (running.size === 0 && untilMs === Infinity) break;
    await untilSomething(running, untilMs, stop);
  }
  await Promise.all(running);
  failed.signal.throwIfAborted();
  signal.throwIfAborted();
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

async function untilSomething(
  running: ReadonlySet<Promise<void>>,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const timer = new AbortController();
  const first: Promise<void>[] = [...running];
  if (ms !== Infinity) first.push(delay(ms, AbortSignal.any([signal, timer.signal])));
  await Promise.race(first);
  timer.abort();
}
