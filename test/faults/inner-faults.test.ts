import { afterEach, describe, expect, it } from 'vitest';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import { Gate, gateOutput, pass, useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();
const databases: TestDatabase[] = [];
const hourMs = 3_600_000;
const leaseMs = 1_000;

afterEach(async () => {
  for (const database of databases.splice(0)) await database.drop();
});

/** Web and worker as on two machines: each may have a clock and a stuck loop of its own. */
async function startApart() {
  const database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  databases.push(database);
  const installation = await newInstallation({
    env: { DATABASE_URL: database.url, DAYBOOK_LEASE_SECONDS: String(leaseMs / 1000) },
  });
  const { client, server: web } = await installation.start(['web']);
  const data = 'worker-data';
  const worker = installation.server(['worker'], { data });
  await worker.start();
  return { installation, client, web, worker, data };
}

describe.each([hourMs, -hourMs])('a clock set by %d ms', (stepMs) => {
  it.each(['worker', 'web'] as const)(
    'on the %s gives nobody up, and every job ends as it did',
    async (role) => {
      const site = await startApart();
      const { installation, client, data } = site;
      const gate = await Gate.submit({ installation, client, data }, { exitCode: 4 });
      await gate.untilStarted();
      installation.fault(site[role], `clock ${stepMs}`, role === 'web' ? 'data' : data);
      // Longer than the lease: whoever trusted a clock of the day would have called it silent.
      await pass(leaseMs * 3);
      const other = await client.submit({ input: { script: 'gate.sh', arguments: [['', 'other 0']] } });
      gate.let();
      const job = await client.untilEnded(gate.id);
      expect(job).toMatchObject({ state: 'failed', reason: 'exit', attempt: 1 });
      expect((await client.download(gate.id, 'stdout')).toString()).toBe(gateOutput);
      await client.json('POST', `/api/v1/jobs/${other.id}/cancel`);
      expect(await client.untilEnded(other.id)).toMatchObject({ state: 'cancelled', attempt: 1 });
      const workers = await client.read<{ items: { state: string }[] }>('/api/v1/workers');
      expect(workers.items.map(({ state }) => state)).toEqual(['active']);
      expect(Date.parse(job.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(job.startedAt ?? ''));
    },
  );
});

describe('a main loop that stands still', () => {
  it('for longer than the lease loses its attempt, takes new work again, and shows the late result', async () => {
    const { installation, client, worker, data } = await startApart();
    const gate = await Gate.submit({ installation, client, data });
    await gate.untilStarted();
    installation.fault(worker, `block ${leaseMs * 4}`, data);
    await pollUntil(
      () => client.attempts(gate.id),
      ([first]) => first?.reason === 'lost',
    );
    gate.let();
    await pollUntil(
      () => client.attempts(gate.id),
      ([first]) => (first?.lateResults.length ?? 0) > 0,
    );
    expect(await client.job(gate.id)).toMatchObject({ state: 'failed', reason: 'lost' });
    const next = await Gate.submit({ installation, client, data }, { name: 'next' });
    next.let();
    expect(await client.untilEnded(next.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('on the server that watches gives nobody up: what it did not see does not count', async () => {
    const { installation, client, web, data } = await startApart();
    const gate = await Gate.submit({ installation, client, data });
    await gate.untilStarted();
    installation.fault(web, `block ${leaseMs * 4}`);
    gate.let();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });
});
