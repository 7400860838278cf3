export interface OutageListener {
  onLost(error: unknown): void;
  onBack(seconds: number): void;
}

/** Tells when the database went away and when it came back, once each, however many statements find out. */
export class Outage {
  readonly #listener: OutageListener;
  #sinceMs: number | null = null;

  constructor(listener: OutageListener) {
    this.#listener = listener;
  }

  failed(error: unknown): void {
    if (this.#sinceMs !== null) return;
    this.#sinceMs = performance.now();
    this.#listener.onLost(error);
  }

  answered(): void {
    if (this.#sinceMs === null) return;
    const seconds = Math.round((performance.now() - this.#sinceMs) / 100) / 10;
    this.#sinceMs = null;
    this.#listener.onBack(seconds);
  }
}
