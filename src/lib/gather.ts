/**
 * Collects what arrives while the last batch is under way (or within one turn of the event loop) and hands it on
 * together: under load one statement serves many callers, when idle nobody waits.
 */
export class Gather<Item, Answer> {
  readonly #run: (items: Item[]) => Promise<readonly Answer[]>;
  readonly #maxItems: number;
  #waiting: { item: Item; resolve: (answer: Answer) => void; reject: (error: unknown) => void }[] = [];
  #running = 0;
  #isPlanned = false;
  readonly #maxRunning: number;

  /** @param run answers in the order of its items */
  constructor(
    run: (items: Item[]) => Promise<readonly Answer[]>,
    options: { maxItems: number; maxRunning?: number },
  ) {
    this.#run = run;
    this.#maxItems = options.maxItems;
    this.#maxRunning = options.maxRunning ?? 1;
  }

  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#plan();
    });
  }

  #plan(): void {
    if (this.#isPlanned || this.#running >= this.#maxRunning) return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      void this.#runBatch();
    });
  }

  async #runBatch(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#maxItems);
    if (batch.length === 0) return;
    this.#running += 1;
    try {
      const answers = await this.#run(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index];
        if (answer === undefined) reject(new Error('a batch answered fewer items than it was given'));
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#running -= 1;
      if (this.#waiting.length > 0) this.#plan();
    }
  }
}
