import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { send } from '../support/faults/processes.ts';
import { Gate, pass, useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();

describe('a stop that a killed worker could not bring to its end', () => {
  it('a job is cancelled whose program ended by the cancel just when its worker was killed', async () => {
    const installation = await newInstallation({ env: { DAYBOOK_LEASE_SECONDS: '60' } });
    const { client } = await installation.start(['web']);
    const data = 'worker-data';
    const worker = installation.server(['worker'], { data });
    await worker.start();
    const gate = await Gate.submit({ installation, client, data });
    await gate.untilStarted();
    await worker.kill();
    await client.json('POST', `/api/v1/jobs/${gate.id}/cancel`);
    for (const { pid } of installation.processes('program', data)) send(pid, 'SIGTERM');
    await pollUntil(
      () => installation.processes('program', data),
      (programs) => programs.length === 0,
    );
    await worker.start();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'cancelled', reason: null });
    expect(await client.attempts(gate.id)).toMatchObject([
      { state: 'cancelled', signal: 'SIGTERM', retcode: 143 },
    ]);
  });

  it('a program that ended within its time limit while the server was gone has not timed out', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client }, { exitCode: 5, timeoutSeconds: 3 });
    await gate.untilStarted();
    await server.kill();
    gate.let();
    await gate.untilProgramEnded();
    await pass(3_000);
    await server.start();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'failed', reason: 'exit' });
    expect(await client.attempts(gate.id)).toMatchObject([{ exitCode: 5, retcode: 5 }]);
  });

  it('a program whose time limit passed while the server was gone is ended for it', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client }, { timeoutSeconds: 3 });
    await gate.untilStarted();
    await server.kill();
    await pass(3_000);
    await server.start();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'failed', reason: 'timeout' });
  });

  it('a program that printed more than it may before its server was killed is still ended for it, with one gap', async () => {
    const installation = await newInstallation({
      env: { DAYBOOK_OUTPUT_LIMIT: '64KiB', DAYBOOK_KILL_GRACE_SECONDS: '60' },
    });
    const { server, client } = await installation.start();
    installation.addScript(
      'stubborn.sh',
      `#!/bin/bash\ntrap '' TERM\nseq 1 50000\nuntil [ -e go ]; do sleep 0.05; done\nseq 1 50000\nexit 1\n`,
    );
    const { id } = await client.submit({ input: { script: 'stubborn.sh' } });
    await pollUntil(
      () => client.gaps(id),
      (gaps) => gaps.length > 0,
    );
    await server.kill();
    await server.start();
    writeFileSync(join(installation.home(), 'go'), '');
    expect(await client.untilEnded(id)).toMatchObject({ state: 'failed', reason: 'limit' });
    expect(await client.gaps(id)).toEqual([expect.stringContaining('limit of 65536 bytes')]);
  });
});
