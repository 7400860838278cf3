import { z } from 'zod';
import { AppError } from '../../../contract/errors.ts';
import type { App } from '../access.ts';

/** Something without which requests cannot be served. `check` rejects while it is not there. */
export interface ReadinessCheck {
  name: string;
  check(): Promise<void>;
}

interface HealthDependencies {
  readiness: readonly ReadinessCheck[];
}

const checkTimeoutMs = 3_000;

export function registerHealthRoutes(app: App, { readiness }: HealthDependencies): void {
  app.get('/healthz', {
    config: { access: 'health.read' },
    schema: {
      operationId: 'isAlive',
      tags: ['health'],
      summary: 'The process answers',
      response: { 200: z.object({ status: z.literal('alive') }) },
    },
    handler: async () => ({ status: 'alive' as const }),
  });

  app.get('/readyz', {
    config: { access: 'health.read' },
    schema: {
      operationId: 'isReady',
      tags: ['health'],
      summary: 'Everything that requests need is there; else 503 names what is not',
      response: { 200: z.object({ status: z.literal('ready') }) },
    },
    handler: async (request) => {
      const results = await Promise.all(readiness.map((dependency) => problemOf(dependency)));
      const problems = results.filter((problem) => problem !== null);
      if (problems.length === 0) return { status: 'ready' as const };
      request.log.debug({ problems }, 'not ready');
      const details = problems.map(({ name }) => ({ field: name, message: 'Does not answer.' }));
      throw new AppError(
        'database_unavailable',
        `Not ready: ${details.map(({ field }) => field).join(', ')}.`,
        { details },
      );
    },
  });
}

async function problemOf(dependency: ReadinessCheck): Promise<{ name: string; error: unknown } | null> {
  const timeout = AbortSignal.timeout(checkTimeoutMs);
  try {
    await Promise.race([
      dependency.check(),
      new Promise((_resolve, reject) => {
        timeout.addEventListener('abort', () => reject(timeout.reason), { once: true });
      }),
    ]);
    return null;
  } catch (error) {
    return { name: dependency.name, error };
  }
}
