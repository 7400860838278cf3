import type { Clock } from '../../lib/clock.ts';

export interface ThrottleOptions {
  /** Failures that cost nothing yet. */
  freeFailures: number;
  /** The delay after the first that does; it doubles with each further one. */
  initialDelayMs: number;
  maxDelayMs: number;
  /** A key without a failure for so long starts afresh. */
  forgetMs: number;
  maxKeys: number;
  clock: Pick<Clock, 'monotonicMs'>;
}

interface Entry {
  failures: number;
  lastMs: number;
}

/**
 * Growing delays after failures, per key. In memory: a restart forgives, which an attacker can neither cause nor
 * wait for. Bounded: the key that failed longest ago is forgotten first.
 */
export class LoginThrottle {
  readonly #options: ThrottleOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Milliseconds until this key may try again; 0 = now. */
  waitMs(key: string): number {
    const entry = this.#live(key);
    if (!entry) return 0;
    return Math.max(0, entry.lastMs + this.#delayMs(entry.failures) - this.#options.clock.monotonicMs());
  }

  fail(key: string): void {
    const failures = (this.#live(key)?.failures ?? 0) + 1;
    this.#entries.delete(key);
    this.#entries.set(key, { failures, lastMs: this.#options.clock.monotonicMs() });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#options.maxKeys && oldest !== undefined) this.#entries.delete(oldest);
  }

  /** Takes one failure back that turned out to be ours. */
  undo(key: string): void {
    const entry = this.#entries.get(key);
    if (entry) entry.failures -= 1;
  }

  clear(key: string): void {
    this.#entries.delete(key);
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || this.#options.clock.monotonicMs() - entry.lastMs < this.#options.forgetMs) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #delayMs(failures: number): number {
    const { freeFailures, initialDelayMs, maxDelayMs } = this.#options;
    if (failures < freeFailures) return 0;
    return Math.min(maxDelayMs, initialDelayMs * 2 ** Math.min(30, failures - freeFailures));
  }
}

/** IPv6 by its /64: whoever has one address of it has all. */
export function toAddressKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1]) return mapped[1];
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4).join(':');
}
