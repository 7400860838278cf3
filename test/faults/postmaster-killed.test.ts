import { expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { send } from '../support/faults/processes.ts';
import { Gate, gateOutput, useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();

it('a postmaster killed under load loses nothing that was acknowledged, and no program', async () => {
  const installation = await newInstallation({ database: 'embedded' });
  const { client } = await installation.start();
  const gate = await Gate.submit({ installation, client }, { exitCode: 3 });
  await gate.untilStarted();
  const acknowledged = new Map<number, number>();
  const submitMany = async (connection: number): Promise<void> => {
    for (let index = 0; index < 25; index += 1) {
      const body = {
        kind: 'script',
        input: { script: 'touch.sh', arguments: [['', `file-${connection}-${index}`]] },
        idempotencyKey: `key ${connection} ${index}`,
      };
      const answer = await client.persist('POST', '/api/v1/jobs', { body });
      const { id } = JSON.parse(answer.body.toString()) as Job;
      acknowledged.set(id, answer.status);
    }
  };
  const submitting = Promise.all([0, 1, 2, 3].map((connection) => submitMany(connection)));
  await pollUntil(
    () => acknowledged.size,
    (size) => size >= 10,
  );
  const [postmaster] = installation.processes('postmaster');
  expect(postmaster).toBeDefined();
  send(postmaster?.pid ?? 0, 'SIGKILL');
  await submitting;
  gate.let();
  expect(acknowledged.size).toBe(100);
  await pollUntil(
    async () => (await client.read<{ items: Job[] }>('/api/v1/jobs?state=live')).items.length,
    (count) => count === 0,
    { deadlineMs: 40_000 },
  );
  const { items } = await client.read<{ items: Job[] }>('/api/v1/jobs?limit=500');
  expect(items.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
    [gate.id, ...acknowledged.keys()].toSorted((a, b) => a - b),
  );
  for (const { id, state } of items)
    expect({ id, state }).toEqual({ id, state: id === gate.id ? 'failed' : 'succeeded' });
  expect(await client.attempts(gate.id)).toMatchObject([{ exitCode: 3 }]);
  expect((await client.download(gate.id, 'stdout')).toString()).toBe(gateOutput);
  expect(installation.processes('postmaster')).toHaveLength(1);
});
