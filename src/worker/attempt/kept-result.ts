/** Of one attempt, member by member: `docs/limits.md` tells both. */
const mostMembers = 10_000;
const mostBytes = 1024 * 1024;

/**
 * The result of an attempt, put together from what is reported bit by bit. Each report costs what it brings, however
 * much there is already; what goes beyond the bounds is counted and left out, and never ends the job.
 */
export class KeptResult {
  /** A map: a report may name a member `__proto__`. */
  readonly #members = new Map<string, { value: unknown; bytes: number }>();
  #bytes = 0;
  #isThere = false;
  #leftOut = 0;

  /** Null: none was reported. */
  get members(): Record<string, unknown> | null {
    if (!this.#isThere) return null;
    return Object.fromEntries([...this.#members].map(([name, { value }]) => [name, value]));
  }

  /** How often a member was reported that did not fit. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** A member that is there already takes its new value. */
  add(members: Record<string, unknown>): void {
    this.#isThere = true;
    for (const [name, value] of Object.entries(members)) this.#put(name, value);
  }

  #put(name: string, value: unknown): void {
    const before = this.#members.get(name);
    if (!before && this.#members.size >= mostMembers) {
      this.#leftOut += 1;
      return;
    }
    const bytes = Buffer.byteLength(`${JSON.stringify(name)}:${JSON.stringify(value)},`);
    const total = this.#bytes - (before?.bytes ?? 0) + bytes;
    if (total > mostBytes) {
      this.#leftOut += 1;
      return;
    }
    this.#members.set(name, { value, bytes });
    this.#bytes = total;
  }
}
