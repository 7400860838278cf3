/**
 * Daybook, web only. BENCH_STORES says what becomes of the jobs of a gathered batch: `each` is stored by a statement of
 * its own, `none` is stored at all and every answer shows the job that was read first.
 */
import { serve } from '../src/app/serve.ts';
import { readConfig } from '../src/app/configuration.ts';
import type { StoresOptions } from '../src/app/stores.ts';
import type { Job } from '../src/contract/job.ts';
import type { SubmitOutcome } from '../src/domain/jobs/ports.ts';

const decorations: Record<string, StoresOptions['decorate']> = {
  each: {
    jobStore: (store) => ({
      ...store,
      submit: async (batch) => (await Promise.all(batch.map((job) => store.submit([job])))).flat(),
    }),
  },
  none: answeringWithoutStore(),
};

await serve(readConfig(process.env), {
  roles: ['web'],
  drain: false,
  decorate: decorations[process.env['BENCH_STORES'] ?? ''] ?? {},
});

function answeringWithoutStore(): StoresOptions['decorate'] {
  let stored: Promise<SubmitOutcome[]> | undefined;
  let shown: Promise<Job | null> | undefined;
  return {
    jobStore: (store) => ({
      ...store,
      submit: async (batch) => {
        stored ??= store.submit(batch.slice(0, 1));
        const [first] = await stored;
        if (!first) throw new Error('a submit has an outcome');
        return batch.map(() => first);
      },
    }),
    jobReader: (reader) => ({ ...reader, byId: (id, actor) => (shown ??= reader.byId(id, actor)) }),
  };
}
