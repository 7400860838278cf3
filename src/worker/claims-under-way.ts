/**
 * Claims that were asked for and are not taken in yet. An attempt that the database calls ours and that nobody here knows
 * may be of one of them, so it is lost only once each that was under way at its first sight has been answered. Whether
 * others are under way does not matter; of a busy worker there always are.
 */
export class ClaimsUnderWay {
  readonly #answers = new Map<number, Promise<void>>();
  #newest = 0;
  /** By name of an attempt: the newest claim at its first sight. */
  #suspects = new Map<string, number>();

  /**
   * @returns to be called with the taking in of the answer, which has begun what was claimed before it first waits; should
   * that fail, its caller alone hears of it
   */
  begin(): (taking: Promise<void>) => Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#newest += 1;
    const number = this.#newest;
    this.#answers.set(number, promise);
    return (taking) => {
      resolve(taking.catch(() => undefined));
      this.#answers.delete(number);
      return taking;
    };
  }

  /**
   * Of attempts that a beat called ours and that we do not know: those that an earlier beat named as well, and that no claim
   * can bring any more.
   */
  findLost(unknown: readonly string[]): Set<string> {
    const oldest = Math.min(...this.#answers.keys(), Infinity);
    const suspects = new Map<string, number>();
    const lost = new Set<string>();
    for (const name of unknown) {
      const seenAt = this.#suspects.get(name);
      if (seenAt !== undefined && seenAt < oldest) lost.add(name);
      else suspects.set(name, seenAt ?? this.#newest);
    }
    this.#suspects = suspects;
    return lost;
  }

  /** Resolves when the answers of all that are under way now are taken in. */
  async settled(): Promise<void> {
    await Promise.all(this.#answers.values());
  }
}
