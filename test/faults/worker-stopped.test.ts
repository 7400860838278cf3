import { afterEach, describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/contract/job.ts';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import type { Client } from '../support/faults/client.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import type { Installation } from '../support/faults/installation.ts';
import type { Server } from '../support/faults/server.ts';
import { Gate, useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();
const databases: TestDatabase[] = [];
const proxies: DatabaseProxy[] = [];
const leaseMs = 1_000;
const lost = { state: 'failed', reason: 'lost' };

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
  for (const database of databases.splice(0)) await database.drop();
});

/** Web and worker as on two machines: a data directory each, one database. */
async function startApart(): Promise<{
  installation: Installation;
  client: Client;
  worker: Server;
  data: string;
}> {
  const database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  databases.push(database);
  const proxy = await DatabaseProxy.open(database.url);
  proxies.push(proxy);
  const installation = await newInstallation({
    env: { DATABASE_URL: proxy.url, DAYBOOK_LEASE_SECONDS: '1' },
  });
  const { client } = await installation.start(['web']);
  const data = 'worker-data';
  const worker = installation.server(['worker'], { data });
  await worker.start();
  return { installation, client, worker, data };
}

async function untilLost(client: Client, id: number): Promise<void> {
  await pollUntil(
    () => client.attempts(id),
    ([first]) => first?.reason === 'lost',
  );
}

async function untilLateResult(client: Client, id: number): Promise<Attempt> {
  const [first] = await pollUntil(
    () => client.attempts(id),
    ([attempt]) => (attempt?.lateResults.length ?? 0) > 0,
  );
  if (!first) throw new Error('there is no attempt');
  return first;
}

describe('a worker stopped for longer than its lease', () => {
  it('loses its attempt; the program is ended once the worker goes on, its late result shown and not applied', async () => {
    const { installation, client, worker, data } = await startApart();
    const gate = await Gate.submit({ installation, client, data });
    await gate.untilStarted();
    worker.signal('SIGSTOP');
    await untilLost(client, gate.id);
    expect(await client.gaps(gate.id)).toHaveLength(1);
    expect(installation.processes('program', data).length).toBeGreaterThan(0);
    worker.signal('SIGCONT');
    const attempt = await untilLateResult(client, gate.id);
    expect(attempt).toMatchObject({
      ...lost,
      exitCode: null,
      lateResults: [{ outcome: { signal: 'SIGTERM' } }],
    });
    expect(await client.job(gate.id)).toMatchObject({ ...lost, attempt: 1 });
    expect(installation.processes('program', data)).toEqual([]);
  });

  it('keeps the success of a program that ended meanwhile as a late result only', async () => {
    const { installation, client, worker, data } = await startApart();
    const gate = await Gate.submit({ installation, client, data });
    await gate.untilStarted();
    worker.signal('SIGSTOP');
    gate.let();
    await untilLost(client, gate.id);
    worker.signal('SIGCONT');
    const { lateResults } = await untilLateResult(client, gate.id);
    expect(lateResults).toMatchObject([{ outcome: { state: 'succeeded', exitCode: 0 } }]);
    expect(await client.job(gate.id)).toMatchObject(lost);
    const events = await client.events(gate.id);
    expect(events.map(({ name }) => name)).toEqual(['submitted', 'claimed', 'failed', 'late result']);
  });

  it('with a retry allowed: the outcome of the second attempt stands, the first one stays lost', async () => {
    const { installation, client, worker, data } = await startApart();
    const retry = { attempts: 2, on: ['lost'], initialMs: 10 };
    const gate = await Gate.submit({ installation, client, data }, { retry });
    await gate.untilStarted(1);
    worker.signal('SIGSTOP');
    await untilLost(client, gate.id);
    worker.signal('SIGCONT');
    await gate.untilStarted(2);
    await untilLateResult(client, gate.id);
    gate.let();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(await client.attempts(gate.id)).toMatchObject([lost, { state: 'succeeded', lateResults: [] }]);
    expect(installation.processes('program', data)).toEqual([]);
  });

  it('does not lose a worker of one process with the server: nobody watched meanwhile', async () => {
    const installation = await newInstallation({ env: { DAYBOOK_LEASE_SECONDS: '1' } });
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client });
    await gate.untilStarted();
    server.signal('SIGSTOP');
    gate.let();
    await gate.untilProgramEnded();
    // Nothing runs that could be asked: here time itself is what is tested.
    const stoppedAt = performance.now();
    await pollUntil(
      () => performance.now() - stoppedAt,
      (ms) => ms > 3 * leaseMs,
    );
    server.signal('SIGCONT');
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });
});
