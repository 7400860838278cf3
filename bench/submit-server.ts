/** Daybook, web only. With BENCH_SINGLE_SUBMITS each job of a gathered batch is stored by a statement of its own. */
import { serve } from '../src/app/serve.ts';
import { readConfig } from '../src/app/configuration.ts';
import type { JobStore } from '../src/domain/jobs/ports.ts';

const config = readConfig(process.env);
const isSingle = process.env['BENCH_SINGLE_SUBMITS'] === '1';

await serve(config, {
  roles: ['web'],
  drain: false,
  decorate: {
    jobStore: (store) => (isSingle ? submittingOneByOne(store) : store),
  },
});

function submittingOneByOne(store: JobStore): JobStore {
  return {
    ...store,
    submit: async (batch) => (await Promise.all(batch.map((job) => store.submit([job])))).flat(),
  };
}
