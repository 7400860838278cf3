import { backoffMs } from '../../lib/backoff.ts';

/** One server-sent event (WHATWG HTML, section 9.2). */
export interface ServerSentEvent {
  event: string;
  data: string;
}

/**
 * Cuts a stream of text into events, wherever the pieces were cut. Lines end with LF, CR or CRLF; comments and unknown
 * fields are passed over; an event that is cut off by the end of the stream is not given out, as it may be half.
 */
export class EventParser {
  /** To go on with after a reconnect; only ever of an event that was given out. */
  lastEventId: string | undefined;
  /** What the server asked to wait before a reconnect. */
  retryMs: number | undefined;
  #rest = '';
  #isFirst = true;
  #event = '';
  #data: string[] = [];
  #id: string | undefined;

  constructor(lastEventId?: string) {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  push(text: string): ServerSentEvent[] {
    let buffer = this.#rest + text;
    if (this.#isFirst && buffer !== '') {
      this.#isFirst = false;
      if (buffer.startsWith('\u{FEFF}')) buffer = buffer.slice(1);
    }
    const events: ServerSentEvent[] = [];
    let from = 0;
    for (const match of buffer.matchAll(/\r\n|\r|\n/g)) {
      // The LF of a CRLF may be in the next piece.
      if (match[0] === '\r' && match.index === buffer.length - 1) break;
      const event = this.#line(buffer.slice(from, match.index));
      if (event) events.push(event);
      from = match.index + match[0].length;
    }
    this.#rest = buffer.slice(from);
    return events;
  }

  #line(line: string): ServerSentEvent | null {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#event = value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retryMs = Number(value);
    return null;
  }

  #dispatch(): ServerSentEvent | null {
    const event = { event: this.#event || 'message', data: this.#data.join('\n') };
    const isEmpty = this.#data.length === 0;
    this.lastEventId = this.#id;
    this.#event = '';
    this.#data = [];
    return isEmpty ? null : event;
  }
}

export interface FollowOptions {
  /**
   * Opens the stream, with a Last-Event-ID when there is one. Null: no server answers now, try again. A rejection ends
   * the following.
   */
  open(lastEventId: string | undefined, isFirst: boolean): Promise<AsyncIterable<Uint8Array> | null>;
  wait(ms: number): Promise<void>;
  /** The connection was lost, or is there again. */
  onConnection?(isConnected: boolean): void;
  signal?: AbortSignal;
}

const backoff = { initialMs: 250, factor: 2, maxMs: 5_000 };

/** Events for ever, over any number of connections: the caller stops by leaving the loop, or with the signal. */
export async function* followEvents(options: FollowOptions): AsyncGenerator<ServerSentEvent> {
  const { signal, onConnection } = options;
  let lastEventId: string | undefined;
  let isConnected = true;
  let failures = 0;
  for (let isFirst = true; ; isFirst = false) {
    if (signal?.aborted) return;
    const body = await options.open(lastEventId, isFirst);
    let askedMs = 0;
    if (body) {
      if (!isConnected) onConnection?.(true);
      isConnected = true;
      const parser = new EventParser(lastEventId);
      for await (const event of readBody(body, parser)) {
        failures = 0;
        yield event;
      }
      lastEventId = parser.lastEventId;
      askedMs = Math.min(parser.retryMs ?? 0, backoff.maxMs);
    }
    if (signal?.aborted) return;
    if (isConnected) onConnection?.(false);
    isConnected = false;
    failures += 1;
    await options.wait(Math.max(askedMs, backoffMs(failures, backoff)));
  }
}

/** A connection that breaks is an end like any other: what was given out counts, the rest comes again. */
async function* readBody(
  body: AsyncIterable<Uint8Array>,
  parser: EventParser,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const chunk = await chunks.next().catch(() => null);
      if (!chunk || chunk.done) return;
      const events = parser.push(decoder.decode(chunk.value, { stream: true }));
      for (const event of events) yield event;
    }
  } finally {
    // Also when the caller left the loop: closes the connection.
    await chunks.return?.()?.catch(() => {});
  }
}
