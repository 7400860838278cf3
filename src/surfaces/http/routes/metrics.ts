import type { MetricsReport } from '../../../domain/metrics/ports.ts';
import type { App } from '../access.ts';

interface MetricsDependencies {
  metricsReport: MetricsReport;
  /** Answers whoever asks. */
  openMetrics: boolean;
}

export function registerMetricsRoutes(app: App, { metricsReport, openMetrics }: MetricsDependencies): void {
  app.get('/metrics', {
    config: { access: openMetrics ? 'metrics.open' : 'stats.read' },
    schema: {
      operationId: 'readMetrics',
      tags: ['stats'],
      summary: 'Figures for Prometheus',
      description:
        'Text in the format of Prometheus. Needs an account (a token with the scope `read` is enough), unless DAYBOOK_METRICS_OPEN is set. While the database is away it answers with `daybook_database_up 0` and what this process knows.',
    },
    handler: async (_request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .type(metricsReport.contentType)
        .send(await metricsReport.text()),
  });
}
