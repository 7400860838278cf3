import { expect, it } from 'vitest';
import type { Client } from '../support/faults/client.ts';
import { useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();
const many = 600;

interface BulkJob {
  state: string;
  attempt: number;
  result: { seen: number; changed: number; cursor: string | null } | null;
}

it('an action on many jobs that is killed in the middle goes on where it stopped, and touches every job once', async () => {
  const installation = await newInstallation();
  const { server, client } = await installation.start();
  await client.json('PUT', '/api/v1/queues/parked', { paused: true });
  await Promise.all(
    Array.from({ length: many }, () =>
      client.json('POST', '/api/v1/jobs', { kind: 'script', input: { script: 'touch.sh' }, queue: 'parked' }),
    ),
  );
  const { job } = await client.json<{ job: number }>('POST', '/api/v1/jobs/bulk', {
    action: 'tag',
    tags: ['seen'],
    filter: 'queue:parked',
  });
  const read = (): Promise<BulkJob> => client.json<BulkJob>('GET', `/api/v1/jobs/${job}`);
  const before = await pollUntil(read, ({ result }) => (result?.seen ?? 0) > 0);
  await server.kill();
  await server.start();
  const after = await pollUntil(read, ({ state }) => state !== 'running' && state !== 'queued');
  expect(before).toMatchObject({ state: 'running' });
  expect(before.result?.seen).toBeLessThan(many);
  expect(after).toMatchObject({ state: 'succeeded', result: { cursor: null } });
  expect(after.result?.seen).toBe(many);
  expect(await count(client, 'queue:parked tag:seen')).toBe(many);
});

async function count(client: Client, filter: string): Promise<number> {
  const { matched } = await client.json<{ matched: number }>('POST', '/api/v1/jobs/bulk', {
    action: 'cancel',
    filter,
    dryRun: true,
  });
  return matched;
}
