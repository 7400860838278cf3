import { describe, expect, it } from 'vitest';
import type { Client } from '../support/faults/client.ts';
import { gateOutput, Gate, pass, useInstallations } from '../support/faults/use-installations.ts';
import { streams } from '../../src/contract/stream.ts';

const newInstallation = useInstallations();
const leaseMs = 2_000;

describe('a server killed with SIGKILL', () => {
  it('and started again within the lease takes its running program up: whole output, true exit code', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client }, { exitCode: 7 });
    await gate.untilStarted();
    await server.kill();
    await server.start();
    gate.let();
    const job = await client.untilEnded(gate.id);
    expect(job).toMatchObject({ state: 'failed', reason: 'exit', attempt: 1 });
    expect(await client.attempts(gate.id)).toMatchObject([{ exitCode: 7, lateResults: [] }]);
    await expectWholeOutput(client, gate.id);
  });

  it('and gone for longer than the lease still takes it up, as nobody watched', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client });
    await gate.untilStarted();
    await server.kill();
    gate.let();
    await gate.untilProgramEnded();
    await pass(leaseMs * 1.5);
    await server.start();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    await expectWholeOutput(client, gate.id);
  });

  it('answers a submit that is repeated with its key with the job that was stored before', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    const body = { kind: 'script', input: { script: 'touch.sh' }, idempotencyKey: 'once' };
    const first = await client.json<{ id: number }>('POST', '/api/v1/jobs', body);
    await server.kill();
    await server.start();
    const again = await client.persist('POST', '/api/v1/jobs', { body });
    expect(again.status).toBe(200);
    expect(JSON.parse(again.body.toString())).toMatchObject({ id: first.id });
  });
});

describe('a server that is asked to stop', () => {
  it('ends with code 0, leaves its program running, and takes it up at the next start', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client });
    await gate.untilStarted();
    expect(await server.stop()).toBe(0);
    expect(server.log).toContain('Programs run on and are taken up at the next start.');
    await server.start();
    gate.let();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    await expectWholeOutput(client, gate.id);
  });
});

async function expectWholeOutput(client: Client, id: number): Promise<void> {
  for (const stream of streams) expect((await client.download(id, stream)).toString()).toBe(gateOutput);
  expect(await client.gaps(id)).toEqual([]);
}
