import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { AppError } from '../../../contract/errors.ts';
import type { Page, PageAnswer, SearchedPage } from './thread.ts';

/** More would only take the processor from the jobs. */
const mostThreads = 2;

interface Task {
  page: Page;
  signal: AbortSignal;
  resolve(searched: SearchedPage): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker;
  task: Task | null;
  rest?: NodeJS.Timeout;
}

/**
 * Looks for text off the main thread, so that a search in a gigabyte delays no beat. Threads start when they are needed,
 * go when nobody needed them for a while, and never keep the process alive.
 *
 * A thread has one page at a time, and what waits for one is kept here: who goes away leaves no more behind than the pages
 * that threads are at.
 */
export class FindThreads {
  readonly #start: () => Worker;
  readonly #idleMs: number;
  readonly #threads = new Set<Thread>();
  readonly #waiting: Task[] = [];

  /** @param start a thread that runs `answerPages` */
  constructor(start: () => Worker, { idleMs = 30_000 }: { idleMs?: number } = {}) {
    this.#start = start;
    this.#idleMs = idleMs;
  }

  /**
   * What a thread found in a page.
   * @throws the reason of the signal when it was aborted before a thread began; AppError `database_unavailable`; Error
   * when a chunk is damaged or the thread died
   */
  search(page: Page, signal: AbortSignal): Promise<SearchedPage> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ page, signal, resolve, reject });
      this.#assign();
    });
  }

  /** Hands what waits to threads that have nothing to do. */
  #assign(): void {
    for (let task = this.#nextTask(); task; task = this.#nextTask()) {
      const thread = this.#freeThread();
      if (!thread) return;
      this.#waiting.shift();
      this.#begin(thread, task);
    }
  }

  /** The first one that somebody still wants; it stays where it is. */
  #nextTask(): Task | undefined {
    let task = this.#waiting[0];
    while (task?.signal.aborted) {
      this.#waiting.shift();
      task.reject(task.signal.reason);
      task = this.#waiting[0];
    }
    return task;
  }

  #freeThread(): Thread | undefined {
    for (const thread of this.#threads) if (!thread.task) return thread;
    return this.#threads.size < Math.min(mostThreads, availableParallelism()) ? this.#add() : undefined;
  }

  #add(): Thread {
    const thread: Thread = { worker: this.#start(), task: null };
    this.#threads.add(thread);
    thread.worker.on('message', (answer: PageAnswer) => this.#finish(thread, answer));
    thread.worker.on('error', (error) => this.#lose(thread, error));
    thread.worker.on('exit', () => this.#lose(thread, new Error('the thread that searches output ended')));
    return thread;
  }

  #begin(thread: Thread, task: Task): void {
    clearTimeout(thread.rest);
    thread.task = task;
    thread.worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread.worker.postMessage(task.page);
  }

  #finish(thread: Thread, answer: PageAnswer): void {
    const { task, worker } = thread;
    thread.task = null;
    thread.rest = setTimeout(() => this.#end(thread), this.#idleMs).unref();
    worker.unref();
    if ('chunks' in answer) task?.resolve(answer);
    else task?.reject(answer.code ? new AppError(answer.code, answer.problem) : new Error(answer.problem));
    this.#assign();
  }

  #end(thread: Thread): void {
    this.#threads.delete(thread);
    void thread.worker.terminate();
  }

  #lose(thread: Thread, error: Error): void {
    this.#threads.delete(thread);
    thread.task?.reject(error);
    thread.task = null;
    this.#assign();
  }
}
