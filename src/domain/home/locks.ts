/** What others of this process do and hold in home. */
export interface Shared {
  /** Uploads that are under way, by the id of their folder. */
  underWay: Map<string, UnderWay>;
  /** Ids of whole uploads that are being written into a file with several names. */
  rewriting: Set<string>;
  /** One after another for each name, so that a look and what follows from it are one step. */
  locks: Locks;
}

export interface UnderWay {
  /** Ends it for whoever holds it; resolves when it writes nothing any more. */
  giveUp(): Promise<void>;
}

export class Locks {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, action: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(action, action);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}

export function createShared(): Shared {
  return { underWay: new Map(), rewriting: new Set(), locks: new Locks() };
}
