import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Actor } from '../../src/contract/actor.ts';
import { parseFilter } from '../../src/contract/filter/parse.ts';
import { jobStates } from '../../src/contract/states.ts';
import type { Found, SearchRequest } from '../../src/domain/diary/ports.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import { createPartitionReader } from '../../src/adapters/store/search/word-partitions.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { fits, plainJob, storeJobs, type DiaryJob } from '../support/diary.ts';

const ana: Actor = { name: 'ana', accountId: null, role: 'member' };
const now = new Date('2026-11-20T12:00:00Z');
const context = { now, timezone: 'UTC' };

const words = [
  'crash',
  'Wing',
  'final_report',
  'main',
  'open',
  'ok',
  'not',
  'nok',
  'memory',
  'naïve',
  '2026-11',
  '17',
];
const some = (text: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...text);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null, freq: 2 });
const verdict = fc.record({
  text: some(['normal termination', '200 OK', 'diverged']),
  tone: some(['good', 'warn', 'bad']),
});
const atMs = fc.integer({ min: Date.parse('2026-10-20T00:00:00Z'), max: now.getTime() });

const job: fc.Arbitrary<DiaryJob> = fc
  .record({
    name: fc.tuple(some(words), some(words)).map((pair) => pair.join('_')),
    kind: some(['script', 'url', 'Simulation']),
    owner: some(['ana', 'Bo', 'Doe A']),
    project: maybe(some(['3001234', '3001235v01', 'R123456'])),
    queue: some(['default', 'big']),
    tags: fc.array(some(['night', 'Release 1']), { maxLength: 2 }),
    needs: fc.array(some(['gpu', 'os:linux']), { maxLength: 1 }),
    state: some(jobStates),
    verdict: maybe(verdict),
    ownVerdict: maybe(verdict),
    analysis: maybe(some(['open', 'ongoing', 'done'])),
    assessment: maybe(some(['ok', 'not ok', 'other', 'issue', 'obsolete'])),
    keep: fc.boolean(),
    input: fc.record({ case: some(['A3', 'b4']), deep: fc.record({ er: fc.nat(3) }) }),
    info: maybe(fc.tuple(some(words), some(words)).map((pair) => `(${pair.join('), ')}`)),
    worker: maybe(some(['east', 'west'])),
    exitCode: maybe(fc.integer({ min: 0, max: 3 })),
    submittedMs: atMs,
    waitMs: fc.integer({ min: 0, max: 7_200_000 }),
    wallMs: fc.integer({ min: 0, max: 7_200_000 }),
  })
  .map(({ submittedMs, waitMs, wallMs, ...rest }) => {
    const isEnded = ['succeeded', 'failed', 'cancelled', 'finished'].includes(rest.state);
    const hasStarted = rest.state === 'running' || (isEnded && rest.worker !== null);
    return {
      ...plainJob,
      ...rest,
      worker: hasStarted ? rest.worker : null,
      exitCode: hasStarted && isEnded ? rest.exitCode : null,
      verdict: isEnded ? rest.verdict : null,
      reason: rest.state === 'failed' ? 'exit' : null,
      message: rest.state === 'failed' ? 'Out of memory.' : null,
      submittedAt: new Date(submittedMs),
      startedAt: hasStarted ? new Date(submittedMs + waitMs) : null,
      endedAt: isEnded ? new Date(submittedMs + waitMs + wallMs) : null,
    };
  });

const term = fc
  .tuple(
    fc.boolean(),
    some([
      'crash',
      'wing',
      'fin',
      'final',
      'main_',
      'ok',
      'not',
      'nok',
      'not ok',
      'op',
      'obs',
      'mem',
      '2026-11',
      '2026-10-2',
      '17',
      '2',
      'run',
      'zebra',
      '"crash"',
      '"not ok"',
      '"out of memory"',
      '"out memory"',
      '"normal termination"',
      '"doe a"',
      'night',
      'naïve',
      'a3',
      'state:failed',
      'state:live',
      'state:ended,waiting',
      'state:*',
      'is:mine',
      'reason:exit',
      'kind:SCRIPT',
      'kind:sim*',
      'kind:none',
      'name:wing_main',
      'name:"crash"*',
      'owner:bo',
      'owner:"doe a",ana',
      'project:3001*',
      'project:*',
      'queue:big',
      'worker:east',
      'worker:*',
      'tag:night',
      'tag:"release 1"',
      'label:gpu',
      'verdict:bad',
      'verdict:diverged',
      'verdict:normal*',
      'analysis:done',
      'analysis:*',
      'assessment:nok,issue',
      'assessment:*',
      'show:obsolete',
      'keep:yes',
      'exit:>0',
      'exit:*',
      'id:10..40',
      'id:>90',
      'submitted:2026-11',
      'submitted:>-7d',
      'submitted:2026-11-01..2026-11-05',
      'started:*',
      'ended:<2026-11-10',
      'wall:>1h',
      'wait:<30m',
      'args.case:a3',
      'args.deep.er:2',
      'args.Case:b*',
      'args.none:*',
      'has:info',
    ]),
  )
  .map(([isNot, text]) => (isNot && !text.includes(' ') ? `-${text}` : text));

describeOnDatabases('a search', (create) => {
  let database: TestDatabase;
  let jobs: (DiaryJob & { id: number })[] = [];

  beforeAll(async () => {
    database = await create();
    await database.db.query(`insert into queues (name) values ('big')`);
    // Several partitions, one of them empty, so that every window is looked into.
    await database.db.query(`drop table job_words_1`);
    const edges = [
      'minvalue',
      "'2026-10-25'",
      "'2026-11-01'",
      "'2026-11-01 00:00:01'",
      "'2026-11-12'",
      'maxvalue',
    ];
    for (const [index, edge] of edges.slice(1).entries()) {
      await database.db.query(
        `create table job_words_part_${index} partition of job_words for values from (${edges[index]}) to (${edge})`,
      );
    }
    const stored = fc.sample(job, { numRuns: 150, seed: 7 });
    // Some of one moment: only the number tells them apart.
    for (const one of stored.slice(0, 8)) one.submittedAt = new Date('2026-11-01T00:00:00Z');
    const ids = await storeJobs(database.db, stored);
    jobs = stored.map((one, index) => ({ ...one, id: ids[index] ?? 0 }));
  });

  afterAll(() => database?.drop());

  const expected = (text: string, order: 'newest' | 'oldest' = 'newest'): number[] => {
    const found = jobs.filter((one) => fits(one, parseFilter(text), { ...context, actor: ana.name }));
    const sign = order === 'newest' ? -1 : 1;
    return found
      .toSorted((a, b) => sign * (a.submittedAt.getTime() - b.submittedAt.getTime() || a.id - b.id))
      .map(({ id }) => id);
  };

  const readAll = async (
    text: string,
    change: Partial<SearchRequest> = {},
    steps?: Parameters<typeof createJobSearch>[1],
  ): Promise<{ ids: number[]; pages: Found<number>[] }> => {
    const search = createJobSearch(database.db, steps);
    const pages: Found<number>[] = [];
    let cursor: string | null | undefined;
    do {
      const request = {
        ...context,
        filter: parseFilter(text),
        limit: 500,
        ...change,
        ...(cursor ? { cursor } : {}),
      };
      const page = await search.findIds(request, ana);
      pages.push(page);
      ({ cursor } = page);
    } while (cursor !== null && pages.length < 1_000);
    return { ids: pages.flatMap(({ items }) => items), pages };
  };

  /** Resolves with how many jobs were found by all the filters together. */
  const compareFilters = async (numRuns: number): Promise<number> => {
    const filter = fc.array(term, { minLength: 0, maxLength: 3 }).map((terms) => terms.join(' '));
    const order = fc.constantFrom('newest' as const, 'oldest' as const);
    let found = 0;
    await fc.assert(
      fc.asyncProperty(filter, order, fc.constantFrom(3, 500), async (text, direction, limit) => {
        const ids = expected(text, direction);
        found += ids.length;
        const small = await readAll(text, { order: direction, limit }, { rows: 5, candidates: 3 });
        expect({ text, ids: small.ids }).toEqual({ text, ids });
        expect((await readAll(text, { order: direction })).ids).toEqual(ids);
      }),
      { numRuns },
    );
    return found;
  };

  it('finds what the filter means, in order, in every way it can go', async () => {
    expect(await compareFilters(100)).toBeGreaterThan(50);
  });

  it('says how far it came when its time is up, and comes further with every page', async () => {
    const { ids, pages } = await readAll('exit:3 -crash', { budgetMs: 0 }, { rows: 4, candidates: 3 });
    expect(ids).toEqual(expected('exit:3 -crash'));
    const reached = pages.map(({ searchedBackTo }) => searchedBackTo);
    expect(pages.length).toBeGreaterThan(20);
    expect(reached.pop()).toBeNull();
    expect(reached.every((at) => at !== null)).toBe(true);
    const falling = reached.every((at, index) => index === 0 || String(at) <= String(reached[index - 1]));
    expect(falling).toBe(true);
  });

  describe('with statistics of the words', () => {
    beforeAll(() => database.db.query('analyze job_words'));

    it('finds the same, whatever words are common', async () => {
      const { common } = await createPartitionReader(database.db)();
      expect(common).toContain('wing');
      expect(common).not.toContain('zebra');
      const steps = { rows: 1, candidates: 3 };
      for (const text of ['wing zebra', 'wing final', 'wing run -crash', 'queue:default wing canc'])
        expect({ text, ids: (await readAll(text, {}, steps)).ids }).toEqual({ text, ids: expected(text) });
      expect(await compareFilters(50)).toBeGreaterThan(25);
    });
  });

  describe('joined with plain parameters', () => {
    it('finds what fits both', async () => {
      const { ids } = await readAll('wing', { plain: { owner: 'ana', states: ['failed', 'succeeded'] } });
      const both = jobs.filter(
        ({ owner, state }) => owner === 'ana' && ['failed', 'succeeded'].includes(state),
      );
      expect(ids).toEqual(expected('wing').filter((id) => both.some((one) => one.id === id)));
    });

    it('finds all of a span of time, and looks nowhere else', async () => {
      const at = (day: number): Date => new Date(Date.UTC(2026, 10, day));
      const spans = [
        { until: new Date(0) },
        { since: at(1), until: at(1) },
        { since: at(1) },
        { until: at(1) },
        { since: new Date(Date.UTC(2026, 9, 25)), until: at(12) },
        { since: at(400) },
      ];
      for (const plain of spans) {
        const isWithin = ({ submittedAt }: DiaryJob): boolean =>
          submittedAt >= (plain.since ?? new Date(0)) && submittedAt < (plain.until ?? at(4_000));
        const within = new Set(jobs.filter(isWithin).map(({ id }) => id));
        for (const text of ['', 'wing', 'exit:3', 'keep:yes', 'state:failed'])
          for (const order of ['newest', 'oldest'] as const)
            for (const steps of [undefined, { rows: 3, candidates: 3 }]) {
              const { ids } = await readAll(text, { plain, order, limit: 7 }, steps);
              expect({ text, order, plain, ids }).toEqual({
                text,
                order,
                plain,
                ids: expected(text, order).filter((id) => within.has(id)),
              });
            }
      }
      const { pages } = await readAll('exit:3 -crash', { plain: { until: new Date(0) }, budgetMs: 0 });
      expect(pages).toHaveLength(1);
    });
  });
});
