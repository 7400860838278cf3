import { afterEach, describe, expect, it } from 'vitest';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import type { Client } from '../support/faults/client.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import type { Installation } from '../support/faults/installation.ts';
import type { Server } from '../support/faults/server.ts';
import { pass, useInstallations } from '../support/faults/use-installations.ts';
import { Witness } from '../support/faults/witness.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();
const databases: TestDatabase[] = [];
const proxies: DatabaseProxy[] = [];
const retry = { attempts: 2, on: ['lost'], initialMs: 0 };
const lost = { state: 'failed', reason: 'lost' };

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.close();
  for (const database of databases.splice(0)) await database.drop();
});

interface Fleet {
  installation: Installation;
  client: Client;
  witness: Witness;
  /** The worker that a fault befalls, and what stands between it and the database. */
  first: Server;
  line: DatabaseProxy;
  /** Starts a worker that is there to take over. */
  startSecond(): Promise<Server>;
}

/** Web and two workers as on three machines: a data directory each, one database. */
async function startFleet(leaseSeconds: number): Promise<Fleet> {
  const database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  databases.push(database);
  const line = await DatabaseProxy.open(database.url);
  proxies.push(line);
  const env = { DATABASE_URL: database.url, DAYBOOK_LEASE_SECONDS: String(leaseSeconds) };
  const installation = await newInstallation({ env });
  const witness = new Witness(installation);
  const { client } = await installation.start(['web']);
  const worker = async (name: string, url: string): Promise<Server> => {
    witness.addTo(name);
    const server = installation.server(['worker'], {
      data: name,
      name,
      env: { DATABASE_URL: url, DAYBOOK_WORKER_NAME: name },
    });
    await server.start();
    return server;
  };
  const first = await worker('first', line.url);
  return { installation, client, witness, first, line, startSecond: () => worker('second', database.url) };
}

const faults = {
  'is stopped': ({ first }: Fleet) => first.signal('SIGSTOP'),
  'is killed': ({ first }: Fleet) => first.kill(),
  'is cut off from its database': ({ line }: Fleet) => line.swallow(),
} as const;

describe.each(Object.entries(faults))('a worker that %s for longer than its lease', (name, fault) => {
  it('leaves no program beside the second attempt of its job', async () => {
    const fleet = await startFleet(2);
    const { client, witness } = fleet;
    const id = await witness.submit(client, { retry });
    await witness.untilRuns(id);
    await fleet.startSecond();
    await fault(fleet);
    await witness.untilRuns(id, 2);
    await pass(300);
    // All that the first attempt wrote stands before all that the second one did.
    expect(witness.turns).toEqual([`${id}.1`, `${id}.2`]);
    expect(fleet.installation.processes('program', 'first')).toEqual([]);
    if (name === 'is stopped') fleet.first.signal('SIGCONT');
    witness.letGo();
    expect(await client.untilEnded(id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(await client.attempts(id)).toMatchObject([lost, { state: 'succeeded', lateResults: [] }]);
    expect(witness.turns).toEqual([`${id}.1`, `${id}.2`]);
  });

  it('leaves no program beside the next job of its lane', async () => {
    const fleet = await startFleet(2);
    const { client, witness } = fleet;
    const id = await witness.submit(client, { concurrencyKey: 'one at a time' });
    await witness.untilRuns(id);
    const next = await witness.submit(client, { concurrencyKey: 'one at a time' });
    await fleet.startSecond();
    await fault(fleet);
    await witness.untilRuns(next);
    await pass(300);
    expect(witness.turns).toEqual([`${id}.1`, `${next}.1`]);
    expect(await client.job(id)).toMatchObject(lost);
  });

  it('leaves a program alone that nobody starts a second time', async () => {
    const fleet = await startFleet(1);
    const { client, witness } = fleet;
    const id = await witness.submit(client);
    await witness.untilRuns(id);
    await fault(fleet);
    await pollUntil(
      () => client.job(id),
      ({ state }) => state === 'failed',
    );
    expect(fleet.installation.processes('program', 'first').length).toBeGreaterThan(0);
    witness.letGo();
    await pollUntil(() => witness.hasEnded(id), Boolean);
  });
});

it('a lane that is limited while a job runs fences its program, too', async () => {
  const fleet = await startFleet(2);
  const { client, witness } = fleet;
  const id = await witness.submit(client, { lanes: ['licence:x'] });
  await witness.untilRuns(id);
  await client.json('PUT', '/api/v1/lanes/licence:x', { capacity: 1 });
  const next = await witness.submit(client, { lanes: ['licence:x'] });
  // A beat that was sent after that.
  await pass(1_000);
  await fleet.startSecond();
  await fleet.first.kill();
  await witness.untilRuns(next);
  await pass(300);
  expect(witness.turns).toEqual([`${id}.1`, `${next}.1`]);
});

describe('a server that is away', () => {
  it('for less than a lease finds its fenced program running', async () => {
    const installation = await newInstallation({ env: { DAYBOOK_LEASE_SECONDS: '12' } });
    const witness = new Witness(installation);
    witness.addTo('data');
    const { server, client } = await installation.start();
    const id = await witness.submit(client, { retry });
    await witness.untilRuns(id);
    await server.kill();
    await server.start();
    expect(await server.stop()).toBe(0);
    await server.start();
    // Its beats reach the launcher again: it outlives the lease of its first worker.
    await pass(12_000);
    witness.letGo();
    expect(await client.untilEnded(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('for longer than a lease finds it ended and tries it again, and the others as it left them', async () => {
    const installation = await newInstallation();
    const [fenced, free] = [new Witness(installation, 'fenced'), new Witness(installation, 'free')];
    fenced.addTo('data');
    const { server, client } = await installation.start();
    const [twice, once] = [await fenced.submit(client, { retry }), await free.submit(client)];
    await Promise.all([fenced.untilRuns(twice), free.untilRuns(once)]);
    expect(await server.stop()).toBe(0);
    await pollUntil(
      () => installation.processes('program').map(({ attempt }) => attempt?.jobId),
      (jobs) => !jobs.includes(twice),
    );
    expect(installation.processes('program').map(({ attempt }) => attempt?.jobId)).toContain(once);
    await server.start();
    await fenced.untilRuns(twice, 2);
    for (const witness of [fenced, free]) witness.letGo();
    expect(await client.untilEnded(twice)).toMatchObject({ state: 'succeeded', attempt: 2 });
    const [first] = await client.attempts(twice);
    expect(first).toMatchObject({ ...lost, signal: 'SIGKILL', lateResults: [] });
    expect(first?.message).toContain('its program was ended');
    expect(await client.untilEnded(once)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(fenced.turns).toEqual([`${twice}.1`, `${twice}.2`]);
  });
});
