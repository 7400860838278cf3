import { z } from 'zod';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './access.ts';

/** Proxies drop silent connections after half a minute or so. */
const keepAliveMs = 15_000;

/** Who has signed out, was removed or has another role reads no further than that. */
const askAgainMs = 5_000;

/** A reader that is so far behind is waited for. */
const highWaterBytes = 1024 * 1024;

/** What the API description says of such an answer. */
export const eventStreamSchema = {
  description: 'Server-sent events, until one of the sides goes away.',
  content: { 'text/event-stream': { schema: z.string() } },
};

export interface EventStream {
  /** Aborted when the reader has gone or the server stops. */
  readonly signal: AbortSignal;
  /** Resolves when the reader keeps up; at once when it has gone. */
  send(event: { event: string; id?: string; data: unknown }): Promise<void>;
  /** Says where the reader stands without telling it anything, so that it can come back even if nothing happens. */
  mark(id: string): void;
  end(): void;
}

/** Turns the answer into a stream of server-sent events (WHATWG HTML, section 9.2). */
export function openEventStream(app: App, request: FastifyRequest, reply: FastifyReply): EventStream {
  const gone = new AbortController();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value);
  }
  reply.hijack();
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // nginx would collect the events otherwise.
    'x-accel-buffering': 'no',
  });
  if (request.method !== 'HEAD') raw.write('retry: 1000\n\n');
  const keepAlive = setInterval(() => raw.write(': still here\n\n'), keepAliveMs);
  const askAgain = setInterval(() => {
    // A database that does not answer is for the stream itself to meet.
    request.isStillAllowed().then(
      (isAllowed) => {
        if (!isAllowed) end();
      },
      () => {},
    );
  }, askAgainMs);
  let forget = (): void => {};
  const leave = (): void => {
    clearInterval(keepAlive);
    clearInterval(askAgain);
    forget();
    gone.abort();
  };
  const end = (): void => {
    leave();
    raw.end();
  };
  forget = app.onStopping(end);
  request.raw.once('close', leave);
  raw.once('close', leave);
  raw.on('error', leave);
  // A reader that left while its answer was made has been told of already: no event follows, the stream would never end.
  if (raw.destroyed) leave();
  // It is answered by the headers; a stream that stays open would hold the connection for nothing.
  if (request.method === 'HEAD') end();
  return {
    signal: gone.signal,
    end,
    mark: (id) => {
      if (!gone.signal.aborted) raw.write(`id: ${id}\n\n`);
    },
    send: async ({ event, id, data }) => {
      if (gone.signal.aborted) return;
      const lines = [
        `event: ${event}`,
        ...(id === undefined ? [] : [`id: ${id}`]),
        `data: ${JSON.stringify(data)}`,
      ];
      const isTaken = raw.write(`${lines.join('\n')}\n\n`);
      if (!isTaken && raw.writableLength > highWaterBytes) await drained(raw, gone.signal);
    },
  };
}

function drained(raw: FastifyReply['raw'], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    raw.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
