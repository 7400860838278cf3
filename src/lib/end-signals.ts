/** SIGTERM and SIGINT, one after the other. While it listens they do not end the process by themselves. */
export class EndSignals {
  readonly #waiting: (() => void)[] = [];
  #pending = 0;
  readonly #onSignal = (): void => {
    const resolve = this.#waiting.shift();
    if (resolve) resolve();
    else this.#pending += 1;
  };

  constructor() {
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGINT', this.#onSignal);
  }

  next(): Promise<void> {
    if (this.#pending > 0) {
      this.#pending -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  close(): void {
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGINT', this.#onSignal);
  }
}
