import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Place } from '../../domain/jobs/ports.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { isConnectionLost } from '../../lib/connection-lost.ts';
import { delay } from '../../lib/delay.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RingInterest, Rings } from './ports.ts';
import { Switchboard } from './switchboard.ts';

const channel = 'daybook_rings';

/** PostgreSQL refuses payloads of 8000 bytes and more. */
const payloadBytes = 7_900;

const reconnect = { initialMs: 100, factor: 2, maxMs: 5_000 };

/** Live views are told of changes at most this often by one process. */
const newsPauseMs = 50;

interface Message {
  from: string;
  places: Place[];
  workers: string[];
  news: boolean;
}

export interface NotifyOptions {
  /** A session to listen in, not connected yet; it has a listener for errors. */
  createSession(): pg.Client;
  /** What notifications are sent through. */
  db: { query(statement: string, values: readonly unknown[]): Promise<unknown> };
  logger: Logger;
}

/**
 * Rings by LISTEN/NOTIFY. Listeners of this process are rung directly, without the way through the database; other
 * processes hear of it by one notification a millisecond at most. A ring that cannot be sent is dropped: whoever
 * should have heard it looks by itself now and then.
 */
export class NotifyRings implements Rings {
  readonly name = 'rings';
  readonly #options: NotifyOptions;
  readonly #id = randomUUID();
  readonly #board = new Switchboard();
  readonly #stopping = new AbortController();
  #client: pg.Client | undefined;
  #loop: Promise<void> | undefined;
  #places = new Map<string, Place>();
  #workers = new Set<string>();
  #hasNews = false;
  #timer: NodeJS.Timeout | undefined;
  #newsTimer: NodeJS.Timeout | undefined;

  constructor(options: NotifyOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#loop ??= this.#keepListening(resolve);
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#newsTimer);
    await this.#client?.end().catch(() => undefined);
    await this.#loop;
  }

  listen(interest: RingInterest, onRing: () => void): () => void {
    return this.#board.listen(interest, onRing);
  }

  listenForCalls(workerId: string, onCall: () => void): () => void {
    return this.#board.listenForCalls(workerId, onCall);
  }

  listenForNews(onNews: () => void): () => void {
    return this.#board.listenForNews(onNews);
  }

  ring(places: readonly Place[]): void {
    for (const place of places) {
      this.#board.ring(place);
      this.#places.set(JSON.stringify([place.queue, place.needs]), place);
    }
    if (places.length > 0) this.#sendSoon();
  }

  callWorkers(workerIds: readonly string[]): void {
    for (const id of workerIds) {
      this.#board.call(id);
      this.#workers.add(id);
    }
    if (workerIds.length > 0) this.#sendSoon();
  }

  announce(): void {
    this.#newsTimer ??= setTimeout(() => {
      this.#newsTimer = undefined;
      this.#board.announce();
      this.#hasNews = true;
      this.#sendSoon();
    }, newsPauseMs);
  }

  #sendSoon(): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#send().catch((error: unknown) => {
        this.#options.logger.debug({ err: error }, 'A ring could not be sent; listeners look by themselves.');
      });
    }, 1);
  }

  async #send(): Promise<void> {
    const message: Message = {
      from: this.#id,
      places: [...this.#places.values()],
      workers: [...this.#workers],
      news: this.#hasNews,
    };
    this.#places = new Map();
    this.#workers = new Set();
    this.#hasNews = false;
    for (const payload of toPayloads(message))
      await this.#options.db.query('select pg_notify($1, $2)', [channel, payload]);
  }

  /** Holds one listening connection for as long as the service runs. */
  async #keepListening(onFirst: () => void): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted;) {
      try {
        const client = await this.#connect();
        failures = 0;
        onFirst();
        this.#board.everything();
        await this.#ended(client);
      } catch (error) {
        failures += 1;
        // An outage is told by whoever asks the database; here only what is not one.
        const level = isConnectionLost(error) ? 'debug' : 'warn';
        this.#options.logger[level]({ err: error }, 'The connection for rings failed; trying again.');
        // The start must not hang on a database that is away: polling works without rings.
        onFirst();
        await delay(backoffMs(failures, reconnect), signal);
      }
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = this.#options.createSession();
    this.#client = client;
    client.on('notification', ({ payload }) => this.#receive(payload));
    await client.connect();
    await client.query(`listen ${channel}`);
    return client;
  }

  #ended(client: pg.Client): Promise<void> {
    return new Promise((resolve) => {
      client.once('end', () => resolve());
      if (this.#stopping.signal.aborted) resolve();
    });
  }

  #receive(payload: string | undefined): void {
    const message = parseMessage(payload);
    if (!message || message.from === this.#id) return;
    for (const place of message.places) this.#board.ring(place);
    for (const id of message.workers) this.#board.call(id);
    if (message.news) this.#board.announce();
  }
}

function toPayloads(message: Message): string[] {
  const payload = JSON.stringify(message);
  if (Buffer.byteLength(payload) <= payloadBytes) return [payload];
  const halves = [
    { ...message, ...half(message, 0) },
    { ...message, ...half(message, 1), news: false },
  ];
  // A single place with very long labels cannot be split; its listeners look by themselves.
  if (message.places.length <= 1 && message.workers.length <= 1) return [];
  return halves.flatMap(toPayloads);
}

function half(message: Message, side: 0 | 1): Pick<Message, 'places' | 'workers'> {
  const cut = <T>(list: T[]): T[] => {
    const middle = Math.ceil(list.length / 2);
    return side === 0 ? list.slice(0, middle) : list.slice(middle);
  };
  return { places: cut(message.places), workers: cut(message.workers) };
}

function parseMessage(payload: string | undefined): Message | null {
  try {
    const value = JSON.parse(payload ?? '') as Partial<Message>;
    if (typeof value.from !== 'string' || !Array.isArray(value.places) || !Array.isArray(value.workers))
      return null;
    return { from: value.from, places: value.places, workers: value.workers, news: value.news === true };
  } catch {
    // Anybody may notify on the channel; what is not ours is nothing to us.
    return null;
  }
}
