import type { Registry } from 'prom-client';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { within } from '../../lib/within.ts';
import { createGauges } from './gauges.ts';
import type { GaugeReader, Figures, MetricsReport, ProcessFigures } from './ports.ts';

export interface ReportOptions {
  reader: GaugeReader;
  process(): ProcessFigures;
  clock: Clock;
  logger: Logger;
}

const leastCacheMs = 1_000;
const answerWithinMs = 2_000;

/** Of all time, so much may be spent on reading figures. */
const mostLoad = 0.1;

/**
 * What a scrape answers. Any number of scrapes at once, and those that follow within a second, share one look at the
 * database; where looking is slow, for so long that it takes a tenth of the time at most. A database that is away
 * costs a scrape two seconds and its figures, nothing else.
 */
export function createMetricsReport(registry: Registry, options: ReportOptions): MetricsReport {
  const { reader, process, clock, logger } = options;
  const gauges = createGauges(registry);
  let known: Figures | null = null;
  let freshUntilMs = -Infinity;
  let looking: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    const startedMs = clock.monotonicMs();
    try {
      known = await within(reader.read(), answerWithinMs, 'Reading the figures of the database');
    } catch (error) {
      known = null;
      logger.debug({ err: error }, 'A scrape went without the figures of the database.');
    }
    const endedMs = clock.monotonicMs();
    freshUntilMs = endedMs + Math.max(leastCacheMs, (endedMs - startedMs) / mostLoad);
  };

  return {
    contentType: registry.contentType,
    text: async () => {
      if (clock.monotonicMs() >= freshUntilMs) looking ??= look().finally(() => (looking = undefined));
      await looking;
      gauges.show(known, process());
      return registry.metrics();
    },
  };
}
