/**
 * The inside of the thread that tests. Tests are told as they are made; whoever ordered says how many of them are
 * stored, and only so many may be on the way.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { createGuard, type AllowedRange } from './guard.ts';
import { systemResolver } from './resolve.ts';
import { runOrder, type Found, type TestMade, type TestOrder } from './run-order.ts';

export interface TesterData {
  allowed: readonly AllowedRange[];
}

export type ToTester =
  | { type: 'begin'; id: number; order: TestOrder }
  | { type: 'stored'; id: number; count: number }
  | { type: 'stop'; id: number };

/**
 * `problem`: a sentence on why the targets cannot be found; null: all that was not stopped is tested.
 * `failed`: a mistake of ours.
 */
export type FromTester =
  | { type: 'found'; id: number; found: Found }
  | { type: 'tested'; id: number; made: readonly TestMade[] }
  | { type: 'ended'; id: number; problem: string | null }
  | { type: 'failed'; id: number; error: unknown };

/** Tests on the way to whoever stores them; a store that is slow holds up the tests instead of filling the memory. */
const mostOnTheWay = 100;

/** Tests are told by handfuls: a message costs both threads more than the test in it. */
const gatherMs = 5;

class Teller {
  readonly #id: number;
  #made: TestMade[] = [];
  #timer: NodeJS.Timeout | undefined;
  #onTheWay = 0;
  #waiting: (() => void)[] = [];

  constructor(id: number) {
    this.#id = id;
  }

  /** Resolves when there is room for more. */
  async add(made: readonly TestMade[]): Promise<void> {
    this.#made.push(...made);
    this.#onTheWay += made.length;
    this.#timer ??= setTimeout(() => this.flush(), gatherMs);
    if (this.#onTheWay >= mostOnTheWay) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#made.length > 0) tell({ type: 'tested', id: this.#id, made: this.#made });
    this.#made = [];
  }

  stored(count: number): void {
    this.#onTheWay -= count;
    this.#letGo(count);
  }

  /** Nobody waits for room any more: what was tested is told, and no more is. */
  letAllGo(): void {
    this.#letGo(this.#waiting.length);
  }

  #letGo(count: number): void {
    for (const goOn of this.#waiting.splice(0, count)) goOn();
  }
}

const { allowed } = workerData as TesterData;
const guard = createGuard(allowed);
const running = new Map<number, { teller: Teller; stopping: AbortController }>();

parentPort?.on('message', (message: ToTester) => {
  const { id } = message;
  switch (message.type) {
    case 'begin':
      void perform(id, message.order);
      break;
    case 'stored':
      running.get(id)?.teller.stored(message.count);
      break;
    case 'stop':
      running.get(id)?.stopping.abort();
      running.get(id)?.teller.letAllGo();
      break;
  }
});

async function perform(id: number, order: TestOrder): Promise<void> {
  const teller = new Teller(id);
  const stopping = new AbortController();
  running.set(id, { teller, stopping });
  try {
    const place = { guard, resolve: systemResolver, signal: stopping.signal };
    const problem = await runOrder(order, place, {
      onFound: (found) => tell({ type: 'found', id, found }),
      onTested: (made) => teller.add(made),
    });
    teller.flush();
    tell({ type: 'ended', id, problem });
  } catch (error) {
    tell({ type: 'failed', id, error });
  } finally {
    running.delete(id);
  }
}

function tell(message: FromTester): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}
