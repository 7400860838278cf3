import { Worker } from 'node:worker_threads';
import type { ConditionAnswer, ConditionQuestion } from './conditions.ts';

/** What the conditions on one body may take of a processor. */
const limitMs = 2_000;
/** By the clock, when the processor is busy with other things. */
const mostWaitMs = 60_000;

/** What is not as expected, in sentences, and what a part of the body does not decide; or why it was not checked. */
export type Checked = Pick<ConditionAnswer, 'problems' | 'undecided'> | { notChecked: string };

/**
 * Checks regular expressions and JSONPath off the main thread: one that a person wrote, on a body that a stranger sent,
 * may run for ever, and would take the beats of the worker with it. The thread is then ended and made anew.
 *
 * What counts is the time of the processor: on a busy machine a thread takes seconds to start, which is no fault of the
 * conditions, nor of the site.
 */
export class ConditionThread {
  #worker: Worker | undefined;
  /** Of the processor, taken by the answers so far. */
  #usedMs = 0;
  /** One question at a time, so that its time is its own. */
  #queue: Promise<unknown> = Promise.resolve();

  check(question: ConditionQuestion): Promise<Checked> {
    const answer = this.#queue.then(() => this.#ask(question));
    this.#queue = answer;
    return answer;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(question: ConditionQuestion): Promise<Checked> {
    const worker = (this.#worker ??= new Worker(new URL('./conditions.ts', import.meta.url)));
    return new Promise((resolve) => {
      const end = (checked: Checked): void => {
        clearInterval(timer);
        // Named: without its own listeners, which are of other names, a worker would never tell a message again.
        for (const name of ['message', 'error']) worker.removeAllListeners(name);
        resolve(checked);
      };
      const giveUp = (notChecked: string): void => {
        this.#worker = undefined;
        this.#usedMs = 0;
        end({ notChecked });
        void worker.terminate();
      };
      const beganMs = performance.now();
      const look = async (): Promise<void> => {
        const usedMs = (await timeOf(worker)) - this.#usedMs;
        if (usedMs > limitMs) giveUp('its conditions take too long');
        else if (performance.now() - beganMs > mostWaitMs) giveUp('this machine was busy');
      };
      const timer = setInterval(() => void look(), limitMs);
      worker.on('message', ({ problems, undecided, usedMs }: ConditionAnswer) => {
        this.#usedMs = usedMs;
        end({ problems, undecided });
      });
      worker.on('error', () => giveUp('its conditions could not be checked'));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage(question);
    });
  }
}

async function timeOf(worker: Worker): Promise<number> {
  try {
    const { user, system } = await worker.cpuUsage();
    return (user + system) / 1000;
  } catch {
    return 0; // it has not begun yet, or has just ended
  }
}
