import { jobEvent } from '../../../contract/job.ts';
import type { JobReader } from '../../../domain/jobs/reader-ports.ts';
import { principalOf, type App } from '../access.ts';
import { eventStreamSchema, openEventStream } from '../sse.ts';

interface EventDependencies {
  reader: JobReader;
  /** Calls back when something changed; returns how to stop listening. */
  listenForNews(onNews: () => void): () => void;
}

/** News of another process may be lost; the stream looks by itself this often. */
const lookEveryMs = 1_000;

const eventsAtOnce = 500;

export function registerEventRoutes(app: App, { reader, listenForNews }: EventDependencies): void {
  app.get('/api/v1/events', {
    config: { access: 'jobs.read' },
    schema: {
      operationId: 'followEvents',
      tags: ['stats'],
      summary: 'Everything that happens to jobs, as server-sent events',
      description: `Events \`job\` with ${Object.keys(jobEvent.shape).join(', ')} and the state of the job. Reconnecting with Last-Event-ID goes on where it stopped.`,
      response: { 200: eventStreamSchema },
    },
    handler: async (request, reply) => {
      const { actor } = principalOf(request);
      const lastId = request.headers['last-event-id'];
      // Before the answer begins: whoever has seen its head misses nothing that happens from then on.
      let { position } = await reader.feed(typeof lastId === 'string' ? lastId : null, 0, actor);
      const stream = openEventStream(app, request, reply);
      stream.mark(position);
      let wake = (): void => {};
      const stopListening = listenForNews(() => wake());
      try {
        while (!stream.signal.aborted) {
          const news = nextNews(stream.signal, (resolve) => (wake = resolve));
          const page = await reader.feed(position, eventsAtOnce, actor);
          position = page.position;
          for (const { position: id, ...data } of page.events) await stream.send({ event: 'job', id, data });
          if (page.events.length < eventsAtOnce) await news;
        }
      } catch (error) {
        request.log.warn({ err: error }, 'A stream of events broke off; its reader will come back.');
      } finally {
        stopListening();
        stream.end();
      }
    },
  });
}

/** Resolves with the next news, after a while without any, or when the reader has gone. */
function nextNews(signal: AbortSignal, register: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, lookEveryMs);
    signal.addEventListener('abort', finish, { once: true });
    register(finish);
  });
}
