import type { Place } from '../../domain/jobs/ports.ts';
import { canServe, type RingInterest } from './ports.ts';

interface RingListener {
  interest: RingInterest;
  onRing(): void;
}

/** Who listens in this process. Every adapter delivers through one of these. */
export class Switchboard {
  readonly #rings = new Set<RingListener>();
  readonly #calls = new Map<string, Set<() => void>>();
  readonly #news = new Set<() => void>();

  listen(interest: RingInterest, onRing: () => void): () => void {
    const listener = { interest, onRing };
    this.#rings.add(listener);
    return () => void this.#rings.delete(listener);
  }

  listenForCalls(workerId: string, onCall: () => void): () => void {
    const listeners = this.#calls.get(workerId) ?? new Set();
    this.#calls.set(workerId, listeners.add(onCall));
    return () => {
      listeners.delete(onCall);
      if (listeners.size === 0) this.#calls.delete(workerId);
    };
  }

  listenForNews(onNews: () => void): () => void {
    this.#news.add(onNews);
    return () => void this.#news.delete(onNews);
  }

  ring(place: Place): void {
    for (const listener of this.#rings) if (canServe(listener.interest, place)) listener.onRing();
  }

  call(workerId: string): void {
    for (const onCall of this.#calls.get(workerId) ?? []) onCall();
  }

  announce(): void {
    for (const onNews of this.#news) onNews();
  }

  /** After an interruption: anything may have been missed. */
  everything(): void {
    for (const listener of this.#rings) listener.onRing();
    for (const workerId of this.#calls.keys()) this.call(workerId);
    this.announce();
  }
}
