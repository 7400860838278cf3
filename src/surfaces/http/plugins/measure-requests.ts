import type { Metrics } from '../../../domain/metrics/ports.ts';
import type { App } from '../access.ts';

/** Times every request by the pattern of its route: a path is somebody's text, and there is no end of them. */
export function measureRequests(app: App, metrics: Pick<Metrics, 'requestServed'>): void {
  app.addHook('onResponse', async (request, reply) => {
    // A stream lasts as long as its reader likes.
    if (String(reply.raw.getHeader('content-type')).startsWith('text/event-stream')) return;
    metrics.requestServed({
      method: request.method,
      route: request.is404 ? 'none' : (request.routeOptions.url ?? 'none'),
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
  });
}
