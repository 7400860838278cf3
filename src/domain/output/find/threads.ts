import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Candidate, StoredChunk } from './candidates.ts';
import type { SoughtText } from './line-match.ts';
import type { FindReply, FindRequest } from './thread.ts';

/** More would only take the processor from the jobs. */
const mostThreads = 2;

interface Thread {
  worker: Worker;
  pending: Map<number, { resolve(candidates: Candidate[]): void; reject(error: Error): void }>;
}

/**
 * Looks for text off the main thread, so that a search in a gigabyte delays no beat. Threads start with the first
 * search and never keep the process alive.
 */
export class FindThreads {
  readonly #threads: Thread[] = [];
  #lastId = 0;

  /** Which of these consecutive chunks may hold the text. @throws Error when a chunk is damaged or the thread died */
  candidates(chunks: readonly StoredChunk[], sought: SoughtText): Promise<Candidate[]> {
    const thread = this.#leastBusy();
    this.#lastId += 1;
    const request: FindRequest = {
      id: this.#lastId,
      sought,
      chunks: chunks.map(({ codec, data }) => ({ codec, data })),
    };
    return new Promise((resolve, reject) => {
      thread.pending.set(request.id, { resolve, reject });
      thread.worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      thread.worker.postMessage(request);
    });
  }

  #leastBusy(): Thread {
    const idle = this.#threads.find(({ pending }) => pending.size === 0);
    if (idle) return idle;
    if (this.#threads.length < Math.min(mostThreads, availableParallelism())) return this.#start();
    return this.#threads.reduce((least, thread) =>
      thread.pending.size < least.pending.size ? thread : least,
    );
  }

  #start(): Thread {
    const worker = new Worker(new URL('./thread.ts', import.meta.url));
    const thread: Thread = { worker, pending: new Map() };
    this.#threads.push(thread);
    worker.unref();
    worker.on('message', (reply: FindReply) => this.#settle(thread, reply));
    worker.on('error', (error) => this.#lose(thread, error));
    worker.on('exit', () => this.#lose(thread, new Error('the thread that searches output ended')));
    return thread;
  }

  #settle({ worker, pending }: Thread, reply: FindReply): void {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) worker.unref();
    if ('problem' in reply) waiting?.reject(new Error(reply.problem));
    else waiting?.resolve(reply.candidates);
  }

  #lose(thread: Thread, error: Error): void {
    const at = this.#threads.indexOf(thread);
    if (at >= 0) this.#threads.splice(at, 1);
    for (const { reject } of thread.pending.values()) reject(error);
    thread.pending.clear();
  }
}
