import { AppError } from '../../../contract/errors.ts';
import type { App } from '../access.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** For answers that do not end by themselves (SSE): called once when the server stops, to end them. Gives the way to forget it again. */
    onStopping(end: () => void): () => void;
    /** Refuses new requests with `stopping` and ends the open streams. `close()` follows. */
    beginStopping(): void;
  }
}

export function addStopping(app: App): void {
  const ends = new Set<() => void>();
  let stopping = false;
  app.decorate('onStopping', (end: () => void) => {
    if (stopping) end();
    else ends.add(end);
    return () => ends.delete(end);
  });
  app.decorate('beginStopping', () => {
    stopping = true;
    for (const end of ends) end();
    ends.clear();
  });
  app.addHook('onRequest', async () => {
    if (stopping) throw new AppError('stopping', 'This server is stopping. Try again in a moment.');
  });
  app.addHook('onSend', async (_request, reply) => {
    if (stopping) reply.header('connection', 'close');
  });
}
