import { Worker } from 'node:worker_threads';
import type { OrderListener, TestMade, TestOrder } from './run-order.ts';
import type { FromTester, TesterData, ToTester } from './tester-thread.ts';

/** Without an order for so long, the thread and its memory are given back. */
const idleMs = 30_000;

/** Carries out orders. */
export interface UrlTester {
  /**
   * Resolves when everything is tested and stored.
   * @returns why the targets could not be found, in a sentence; else null
   * @throws once what was tested is stored: the reason of the signal, what the listener throws, an error of the thread
   */
  test(order: TestOrder, signal: AbortSignal, listener: OrderListener): Promise<string | null>;
}

interface Order {
  listener: OrderListener;
  /** Of tests that are not stored yet. */
  storing: Set<Promise<void>>;
  end(problem: string | null): void;
  fail(error: unknown): void;
}

/**
 * Tests URLs in a thread of its own: thousands of connections, handshakes and bodies are work, and the main thread beats
 * the leases and answers the pages meanwhile. One thread serves all jobs of this process; one that breaks down fails the
 * orders it had, and the next order gets a new one.
 */
export class ThreadTester implements UrlTester {
  readonly #data: TesterData;
  readonly #orders = new Map<number, Order>();
  #thread: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;

  constructor(data: TesterData) {
    this.#data = data;
  }

  async test(order: TestOrder, signal: AbortSignal, listener: OrderListener): Promise<string | null> {
    signal.throwIfAborted();
    const id = (this.#lastId += 1);
    const storing = new Set<Promise<void>>();
    const onStop = (): void => this.#tell({ type: 'stop', id });
    signal.addEventListener('abort', onStop);
    try {
      const problem = await new Promise<string | null>((resolve, reject) => {
        this.#orders.set(id, { listener, storing, end: resolve, fail: reject });
        this.#wake();
        this.#tell({ type: 'begin', id, order });
      });
      signal.throwIfAborted();
      return problem;
    } finally {
      signal.removeEventListener('abort', onStop);
      this.#tell({ type: 'stop', id });
      await Promise.all(storing);
      this.#orders.delete(id);
      if (this.#orders.size === 0) this.#rest();
    }
  }

  #wake(): void {
    clearTimeout(this.#idle);
    this.#thread ??= this.#start();
    this.#thread.ref();
  }

  #tell(message: ToTester): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#thread?.postMessage(message);
  }

  #start(): Worker {
    const thread = new Worker(new URL('./tester-thread.ts', import.meta.url), {
      workerData: this.#data,
      // Each test leaves some kilobytes of garbage: 12 MB took a tenth more CPU, 96 MB gained nothing.
      resourceLimits: { maxYoungGenerationSizeMb: 32 },
    });
    thread.on('message', (message: FromTester) => this.#accept(message));
    thread.on('error', (error) => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      for (const { fail } of this.#orders.values()) fail(error);
    });
    return thread;
  }

  #accept(message: FromTester): void {
    const order = this.#orders.get(message.id);
    if (!order) return;
    switch (message.type) {
      case 'found':
        try {
          order.listener.onFound(message.found);
        } catch (error) {
          order.fail(error);
        }
        break;
      case 'tested': {
        const storing = this.#store(order, message);
        order.storing.add(storing);
        void storing.finally(() => order.storing.delete(storing));
        break;
      }
      case 'ended':
        void Promise.all(order.storing).then(() => order.end(message.problem));
        break;
      case 'failed':
        order.fail(message.error);
        break;
    }
  }

  async #store(order: Order, { id, made }: { id: number; made: readonly TestMade[] }): Promise<void> {
    try {
      await order.listener.onTested(made);
      this.#tell({ type: 'stored', id, count: made.length });
    } catch (error) {
      order.fail(error);
    }
  }

  #rest(): void {
    this.#thread?.unref();
    this.#idle = setTimeout(() => {
      void this.#thread?.terminate();
      this.#thread = undefined;
    }, idleMs).unref();
  }
}
