import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDatabase } from '../../src/adapters/store/database.ts';
import { createEmptyDatabase, embeddedUrlName, type TestDatabase } from '../support/database.ts';
import type { Client } from '../support/faults/client.ts';
import { DatabaseProxy } from '../support/faults/database-proxy.ts';
import type { Installation } from '../support/faults/installation.ts';
import { Gate, gateOutput, pass, useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();
const leaseMs = 1_000;
const data = 'worker-data';
let database: TestDatabase;
let proxy: DatabaseProxy;
let installation: Installation;
let client: Client;

beforeEach(async () => {
  database = await createEmptyDatabase(process.env[embeddedUrlName] ?? '');
  proxy = await DatabaseProxy.open(database.url);
  installation = await newInstallation({
    env: {
      DATABASE_URL: proxy.url,
      DAYBOOK_LEASE_SECONDS: String(leaseMs / 1000),
      DAYBOOK_SECRET_KEY: Buffer.alloc(32, 7).toString('base64'),
    },
  });
  ({ client } = await installation.start(['web']));
  await installation.server(['worker'], { data }).start();
});
afterEach(async () => {
  await proxy.close();
  await database.drop();
});

/** Programs that end with these codes, and come to their gates before this resolves. */
async function startGates(): Promise<Gate[]> {
  const gates = await Promise.all(
    [0, 5].map((exitCode) =>
      Gate.submit({ installation, client, data }, { exitCode, name: `gate-${exitCode}` }),
    ),
  );
  for (const gate of gates) await gate.untilStarted();
  return gates;
}

async function expectTrueResults(gates: readonly Gate[]): Promise<void> {
  for (const [index, { id }] of gates.entries()) {
    await client.untilEnded(id);
    const attempts = await client.attempts(id);
    expect(attempts).toMatchObject([{ exitCode: [0, 5][index], lateResults: [] }]);
    expect((await client.download(id, 'stdout')).toString()).toBe(gateOutput);
    expect((await client.download(id, 'stderr')).toString()).toBe(gateOutput);
    expect(await client.gaps(id)).toEqual([]);
  }
}

describe('a database that is gone for longer than two leases', () => {
  it('answers submits with 503 meanwhile and loses nothing: programs end with their true results', async () => {
    const gates = await startGates();
    proxy.refuse();
    const body = { kind: 'script', input: { script: 'touch.sh' }, idempotencyKey: 'during' };
    const refused = await client.ask('POST', '/api/v1/jobs', { body });
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ code: 'database_unavailable' });
    for (const gate of gates) gate.let();
    for (const gate of gates) await gate.untilProgramEnded();
    await pass(leaseMs * 2.5);
    expect((await client.ask('GET', '/readyz')).status).toBe(503);
    proxy.forward();
    await expectTrueResults(gates);
    expect((await client.persist('POST', '/api/v1/jobs', { body })).status).toBe(201);
  });

  it('that swallows every byte before its connections break loses nothing either', async () => {
    const gates = await startGates();
    proxy.swallow();
    const body = { kind: 'script', input: { script: 'touch.sh' }, idempotencyKey: 'during' };
    await expect(client.ask('POST', '/api/v1/jobs', { body, timeoutMs: 1_000 })).rejects.toThrow('no answer');
    for (const gate of gates) gate.let();
    for (const gate of gates) await gate.untilProgramEnded();
    await pass(leaseMs * 2.5);
    proxy.forward();
    proxy.cut();
    await expectTrueResults(gates);
    const stored = await client.persist('POST', '/api/v1/jobs', { body });
    expect([200, 201]).toContain(stored.status);
    const { items } = await client.read<{ items: unknown[] }>('/api/v1/jobs');
    expect(items).toHaveLength(gates.length + 1);
  });

  it('that breaks connections again and again loses nothing', async () => {
    const gates = await startGates();
    for (const gate of gates) gate.let();
    for (let times = 0; times < 20; times += 1) {
      proxy.cut();
      await pass(100);
    }
    await expectTrueResults(gates);
    const { items } = await client.read<{ items: unknown[] }>('/api/v1/jobs');
    expect(items).toHaveLength(gates.length);
  });
});

describe('a database that is gone between claim and start', () => {
  it('is waited for by a job that needs a secret, which then runs', async () => {
    installation.addScript('call.sh', '#!/bin/sh\necho "key $KEY"\n', data);
    await client.json('PUT', '/api/v1/secrets/api-key', { value: 'a long secret' });
    await client.json('PUT', '/api/v1/queues/default', { paused: true });
    const env = { KEY: { secret: 'api-key' } };
    const { id } = await client.submit({ input: { script: 'call.sh' }, env });
    await database.db.transaction(async (tx) => {
      await tx.query('lock table secrets in access exclusive mode');
      await client.json('PUT', '/api/v1/queues/default', { paused: false });
      const asking = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      await pollUntil(
        () => database.db.query(asking),
        (rows) => rows.length > 0,
      );
      proxy.refuse();
    });
    proxy.forward();
    expect(await client.untilEnded(id)).toMatchObject({ state: 'succeeded' });
    expect((await client.download(id, 'stdout')).toString()).toBe(`key ${'*'.repeat(13)}\n`);
  });
});

describe('a connection that breaks inside a transaction', () => {
  it('between two statements fails the transaction, and neither the process nor the next one', async () => {
    const options = { poolSize: 2, applicationName: 'test', onIdleError: () => {} };
    const db = createDatabase({ ...options, connection: { connectionString: proxy.url } });
    const broken = db.transaction(async (tx) => {
      await tx.query('select 1');
      proxy.cut();
      await pass(100);
      await tx.query('select 2');
    });
    await expect(broken).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await db.transaction((tx) => tx.query('select 3 as three'))).toEqual([{ three: 3 }]);
    await db.close();
  });
});
