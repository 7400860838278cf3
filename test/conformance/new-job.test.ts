import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SubmitOptions } from '../../src/contract/job.ts';
import { submitOptions } from '../../src/contract/job.ts';
import type { LocalClaim } from '../../src/domain/jobs/local-ports.ts';
import type { StoredJob } from '../../src/domain/jobs/submit-ports.ts';
import type { Product } from '../../src/app/product.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { joinWorker } from '../support/jobs.ts';
import { createTestProduct } from '../support/product.ts';

const actor = { name: 'ana', accountId: null, role: 'member' } as const;

describeOnDatabases('what a submit answers', (create) => {
  let database: TestDatabase;
  let product: Product;

  beforeAll(async () => {
    database = await create();
    product = createTestProduct(database.db, { env: { WORKER_ALLOW_SHELL: '1' } });
  });
  afterAll(() => database?.drop());

  function submit(
    options: Partial<SubmitOptions> = {},
    input: unknown = { script: 'true' },
  ): Promise<StoredJob> {
    const request = { kind: 'script', input, options: submitOptions.parse(options), actor };
    return product.domains.jobs.submit(request);
  }

  /** As JSON, as both are answered. */
  async function shown({ id }: StoredJob): Promise<unknown> {
    return asJson(await product.stores.jobReader.byId(id, actor));
  }

  const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  it.each<[string, Partial<SubmitOptions>, unknown?]>([
    ['nothing but its script', {}],
    ['arguments', {}, { script: 'true', arguments: [['--a', 'ä "b c"']] }],
    [
      'everything that describes it',
      {
        name: 'née 🙂',
        project: '3001234',
        tags: ['a', 'b'],
        info: 'Why.',
        labels: ['gpu', 'arm', 'gpu'],
        priority: 7,
        lanes: ['licence:x', 'licence:x'],
        concurrencyKey: 'mine',
      },
    ],
    [
      'everything that says how it runs',
      {
        timeoutSeconds: 0.5,
        nice: 5,
        env: { JOB_A: '1' },
        stdin: 'in',
        workdir: 'sub',
        limits: { memoryBytes: 1e9 },
        retry: { attempts: 3, on: ['lost', 'exit:1'], initialMs: 10, factor: 1.5, maxMs: 1_000 },
      },
    ],
    ['a time to come', { runAt: '2999-01-01T00:00:00.123+02:00' }],
    ['a time that has passed', { runAt: '2020-01-01T00:00:00Z' }],
  ])('is what a reader is shown, with %s', async (_what, options, input) => {
    const stored = await submit(options, input);
    expect(stored.job).not.toBeNull();
    expect(asJson(stored.job)).toEqual(await shown(stored));
  });

  it('is what a reader is shown of one that runs already', async () => {
    await database.empty();
    await submit();
    const worker = await joinWorker(database.db);
    await worker.claim();
    const claim: LocalClaim = { request: worker.request(1), answered: () => {} };
    product.domains.here.worker = { claimForSubmit: () => claim, claimInPlaceOf: () => null };
    try {
      const stored = await submit({ tags: ['t'] });
      expect(stored.job).toMatchObject({ state: 'running', attempt: 1 });
      expect(asJson(stored.job)).toEqual(await shown(stored));
    } finally {
      delete product.domains.here.worker;
    }
  });

  it('is to be read where more stands in it than was submitted, or it was stored before', async () => {
    const first = await submit({ idempotencyKey: 'k' });
    expect(first.job).not.toBeNull();
    expect(await submit({ idempotencyKey: 'k' })).toMatchObject({ id: first.id, isNew: false, job: null });
    expect(await submit({ after: [first.id] })).toMatchObject({ isNew: true, job: null });
    expect(await submit({ baseRuns: [{ jobId: first.id }] })).toMatchObject({ isNew: true, job: null });
  });
});
