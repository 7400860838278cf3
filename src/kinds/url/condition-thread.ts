import { Worker } from 'node:worker_threads';
import type { ConditionAnswer, ConditionQuestion } from './conditions.ts';

/** What a condition on a body may take. */
const limitMs = 2_000;

/**
 * Checks regular expressions and JSONPath off the main thread: one that a person wrote, on a body that a stranger sent,
 * may run for ever, and would take the beats of the worker with it. The thread is then ended and made anew.
 */
export class ConditionThread {
  #worker: Worker | undefined;
  /** One question at a time, so that its time is its own. */
  #queue: Promise<unknown> = Promise.resolve();

  /** What is not as expected, in sentences. */
  check(question: ConditionQuestion): Promise<string[]> {
    const answer = this.#queue.then(() => this.#ask(question));
    this.#queue = answer;
    return answer;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(question: ConditionQuestion): Promise<string[]> {
    const worker = (this.#worker ??= new Worker(new URL('./conditions.ts', import.meta.url)));
    return new Promise((resolve) => {
      const end = (problems: string[]): void => {
        clearTimeout(timer);
        worker.removeAllListeners();
        resolve(problems);
      };
      const giveUp = (problem: string): void => {
        this.#worker = undefined;
        end([problem]);
        void worker.terminate();
      };
      const timer = setTimeout(
        () => giveUp(`The conditions on the body took longer than ${limitMs} ms to check.`),
        limitMs,
      );
      worker.on('message', ({ problems }: ConditionAnswer) => end(problems));
      worker.on('error', (error) =>
        giveUp(`The conditions on the body could not be checked: ${error.message}.`),
      );
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(question);
    });
  }
}
