/**
 * What ends something early. Its signal is made when somebody asks for it: of what could be ended early most ends by
 * itself, and a signal and its error cost more than the rest of a short job.
 */
export class LateSignal<Reason> {
  #reason: Reason | null = null;
  #controller: AbortController | null = null;

  /** Null: not aborted. */
  get reason(): Reason | null {
    return this.#reason;
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.#reason !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** The first reason counts. */
  abort(reason: Reason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
