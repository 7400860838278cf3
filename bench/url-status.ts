/**
 * What the status page of URLs asks: how each fared in the last day and month. The history is COUNT tests of 20 URLs
 * over 90 days, each test a job of its own, written by the statement below.
 */
import type { Actor } from '../src/contract/actor.ts';
import type { PartStore } from '../src/domain/reports/part-ports.ts';
import type { Database } from '../src/adapters/store/database.ts';
import { migrate } from '../src/adapters/store/migrate.ts';
import { createPartStore } from '../src/adapters/store/part-store.ts';
import { atMost, type Bench, type Figure, percentile, say } from './harness.ts';
import { openDatabase, startPostgres } from './postgres.ts';

const ana: Actor = { name: 'ana', accountId: 1, role: 'member' };

const urls = Array.from({ length: 20 }, (_, n) => `https://shop${n}.example/health`);
const days = 90;
/** As many as a browser keeps open to one host. */
const atOnce = 6;
const spans = [
  { name: 'a day', hours: 24, slices: 48 },
  { name: 'a month', hours: 720, slices: 120 },
] as const;

export const urlStatusBench: Bench = {
  name: 'url-status',
  goals: 'URL',
  summary: 'how 20 URLs fared in the last day and month, after COUNT tests in 90 days',
  count: 50_000,
  usesDatabase: true,
  run: async ({ count, rounds, database }) => {
    const postgres = await startPostgres(database);
    const made = await postgres.createDatabase();
    const db = openDatabase(made.url, atOnce);
    try {
      await migrate(db);
      await fillParts(db, count);
      const parts = createPartStore(db);
      await measure(parts, spans[0], 1);
      const figures: Figure[] = [];
      for (const span of spans) {
        const ms = await measure(parts, span, 10 * rounds);
        figures.push({
          goal: 'URL',
          what: `p95 of how a URL fared in ${span.name}, ${count} tests of ${urls.length} URLs, ${atOnce} asked at once`,
          unit: 'ms',
          ours: percentile(ms, 0.95),
          peer: null,
          theirs: null,
          wanted: atMost(50),
        });
      }
      return figures;
    } finally {
      await db.close();
      await made.drop();
      await postgres.stop();
    }
  },
};

/** Milliseconds of each question, when every URL is asked for so many times. */
async function measure(
  parts: PartStore,
  { hours, slices }: { hours: number; slices: number },
  times: number,
): Promise<number[]> {
  const left = Array.from({ length: times }, () => urls).flat();
  const took: number[] = [];
  const askAll = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined; key = left.pop()) {
      const until = new Date();
      const from = new Date(until.getTime() - hours * 3_600_000);
      const startedMs = performance.now();
      const { latest } = await parts.summary({ kind: 'url', key, from, until, slices }, ana);
      took.push(performance.now() - startedMs);
      if (!latest) throw new Error(`${key} has no test`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, askAll));
  return took;
}

/** What a test of one hop leaves. */
const facts = {
  family: null,
  outcome: 'good',
  problems: [],
  status: 200,
  error: null,
  hops: [
    {
      method: 'GET',
      phases: { dns: 1.204, connect: 11.61, tls: 24.905, firstByte: 38.22, body: 2.113 },
      address: '203.0.113.7',
      decision: 'public',
      protocol: 'HTTP/2',
      tls: 'TLSv1.3, TLS_AES_128_GCM_SHA256',
      certificates: ['shop.example', 'R11', 'ISRG Root X1'].map((subject, n) => ({
        subject,
        issuer: 'an authority',
        validFrom: '2026-01-01T00:00:00.000Z',
        validTo: '2026-04-01T00:00:00.000Z',
        daysLeft: 60,
        names: ['DNS:shop.example', 'DNS:www.shop.example'],
        sha256: String(n).repeat(64),
      })),
      certificateProblem: null,
      status: 200,
      statusText: '',
      location: null,
      bytes: 15_230,
      isCut: false,
    },
  ],
  markers: { server: 'nginx', 'content-type': 'application/json', etag: '"5f1c6a4b"' },
  failure: null,
  comparedWith: null,
  differences: [],
};

async function fillParts(db: Database, count: number): Promise<void> {
  const startedMs = performance.now();
  const batch = 50_000;
  for (let first = 1; first <= count; first += batch)
    await db.query(
      `with made as (
         insert into jobs (uid, kind, name, queue, owner, submitted_at)
         select gen_random_uuid(), 'url', ($3::text[])[1 + n % array_length($3::text[], 1)], 'default', 'ana',
           now() - interval '1 minute' - ($4::int - n) * ($5::int * interval '1 day' / $4::int)
         from generate_series($1::int, $2::int) n returning id, name, owner, submitted_at
       ), ended as (
         insert into ends (job_id, submitted_at, owner, state, reason, attempt, started_at, ended_at)
         select id, submitted_at, owner, case when id % 211 = 0 then 'failed' else 'succeeded' end,
           case when id % 211 = 0 then 'error' end, 1, submitted_at, submitted_at
         from made returning job_id, state, ended_at
       )
       insert into job_parts (job_id, number, attempt, kind, key, ended_at, verdict, verdict_tone, took_ms, facts)
       select id, 1, 1, 'url', name, ended_at,
         case state when 'failed' then '503 Service Unavailable' else '200 OK' end,
         case state when 'failed' then 'bad' else 'good' end, 40 + (id * 7919) % 100,
         json_build_object('url', name, 'startedAt', ended_at)::jsonb || $6::jsonb
       from made join ended on job_id = id`,
      [first, Math.min(count, first + batch - 1), urls, count, days, JSON.stringify(facts)],
    );
  await db.query('vacuum analyze');
  await db.query('checkpoint');
  say(`  ${count} tests, made in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
}
