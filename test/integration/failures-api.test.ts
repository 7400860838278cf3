import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure } from '../../src/contract/failure.ts';
import type { Attempt, Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { runCommand } from '../../src/surfaces/cli/test-context.ts';
import { adminPassword } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({});
  writeFileSync(
    join(server.folder, 'scripts', 'breaks.sh'),
    '#!/bin/sh\necho fine\necho "ERROR: element $1 of /tmp/run_$1/mesh.inp is inverted" >&2\necho cleaning up >&2\nexit $2\n',
    { mode: 0o755 },
  );
});

afterAll(() => server.close());

const call = async <T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> =>
  (await server.call(method, `/api/v1${path}`, body)).json<T>();

async function runToEnd(...args: string[]): Promise<Job> {
  const input = { script: 'breaks.sh', arguments: args.map((value) => ['', value]) };
  const { id } = await call<Job>('POST', '/jobs', { kind: 'script', input });
  return pollUntil(
    () => call<Job>('GET', `/jobs/${id}`),
    ({ state }) => isEnded(state),
  );
}

const failures = async (query = ''): Promise<Failure[]> =>
  (await call<{ items: Failure[] }>('GET', `/failures${query}`)).items;

describe('jobs that failed', () => {
  it('are in one family when they failed alike, by the line that says what went wrong', async () => {
    const jobs = [await runToEnd('1', '3'), await runToEnd('22', '3'), await runToEnd('5', '4')];
    const [first, second, other] = jobs;
    expect(second?.family).toBe(first?.family);
    expect(other?.family).not.toBe(first?.family);
    expect(await failures()).toMatchObject([
      { id: other?.family, jobs: 1, reason: 'exit' },
      {
        id: first?.family,
        signature: 'exit 3: ERROR: element <n> of <path> is inverted',
        jobs: 2,
        firstSeenAt: first?.endedAt,
        lastSeenAt: second?.endedAt,
        lastJobId: second?.id,
        example: 'ERROR: element 22 of /tmp/run_22/mesh.inp is inverted',
      },
    ]);
    const [, family] = await failures();
    expect(family?.course).toHaveLength(30);
    expect(family?.course.at(-1)).toBe(2);
    const { items } = await call<{ items: Attempt[] }>('GET', `/jobs/${first?.id}/attempts`);
    const members = await call<{ items: Job[] }>('GET', `/jobs?q=family:${first?.family}`);
    expect(members.items.map(({ id }) => id)).toEqual([second?.id, first?.id]);
    expect(items[0]?.errorLine).toBe('ERROR: element 1 of /tmp/run_1/mesh.inp is inverted');
    const after = new Date(Date.parse(other?.endedAt ?? '')).toISOString();
    expect(await failures(`?since=${after}`)).toHaveLength(1);
  });

  it('say why in their record, in lists, on the command line, and are found by words of it', async () => {
    const said = 'ERROR: element 8 of /tmp/run_8/mesh.inp is inverted';
    const job = await runToEnd('8', '6');
    expect(job).toMatchObject({ message: 'Ended with exit code 6.', errorLine: said });
    const { items } = await pollUntil(
      () => call<{ items: Job[] }>('GET', `/jobs?q=${encodeURIComponent('inverted exit:6')}`),
      (page) => page.items.length > 0,
    );
    expect(items).toMatchObject([{ id: job.id, errorLine: said }]);
    const env = { DAYBOOK_URL: server.url, DAYBOOK_USER: 'admin', DAYBOOK_PASSWORD: adminPassword };
    expect((await runCommand(['jobs', 'exit:6'], { env })).stdout).toContain(said);
    expect((await runCommand(['job', String(job.id)], { env })).stdout).toMatch(
      /^state +failed \(exit\): Ended with exit code 6\.\nit said +ERROR: element 8 /m,
    );
    const good = await runToEnd('8', '0');
    expect(good.errorLine).toBeNull();
  });

  it('leave their family when they are retried, and what succeeds has none', async () => {
    const failed = await runToEnd('7', '9');
    const family = failed.family;
    expect((await failures()).map(({ id }) => id)).toContain(family);
    await call('POST', `/jobs/${failed.id}/retry`);
    await pollUntil(
      () => call<Job>('GET', `/jobs/${failed.id}`),
      (job) => isEnded(job.state) && job.attempt === 2,
    );
    expect((await failures()).find(({ id }) => id === family)?.jobs).toBe(1);
    const succeeded = await runToEnd('7', '0');
    expect(succeeded).toMatchObject({ state: 'succeeded', family: null });
  });
});
