import { describe, expect, it } from 'vitest';
import type { Installation } from '../support/faults/installation.ts';
import { send } from '../support/faults/processes.ts';
import { Gate, gateOutputBefore, useInstallations } from '../support/faults/use-installations.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();
const lost = { state: 'failed', reason: 'lost' };

function signalLauncher(installation: Installation, signal: NodeJS.Signals): void {
  const launchers = installation.processes('launcher');
  expect(launchers).toHaveLength(1);
  for (const { pid } of launchers) send(pid, signal);
}

async function untilNoPrograms(installation: Installation): Promise<void> {
  await pollUntil(
    () => installation.processes('program'),
    (programs) => programs.length === 0,
  );
}

describe('a launcher killed with SIGKILL', () => {
  it('loses what ran, with a gap in its output and its program ended; the next job runs', async () => {
    const installation = await newInstallation();
    const { client } = await installation.start();
    const gate = await Gate.submit({ installation, client });
    await gate.untilStarted();
    signalLauncher(installation, 'SIGKILL');
    expect(await client.untilEnded(gate.id)).toMatchObject(lost);
    expect(await client.attempts(gate.id)).toMatchObject([{ ...lost, retcode: 137, exitCode: null }]);
    expect(await client.gaps(gate.id)).toHaveLength(1);
    expect(gateOutputBefore).toContain(
      (await client.download(gate.id, 'stdout')).toString().split('\n[daybook')[0],
    );
    await untilNoPrograms(installation);
    const next = await Gate.submit({ installation, client }, { name: 'next' });
    next.let();
    expect(await client.untilEnded(next.id)).toMatchObject({ state: 'succeeded' });
  });

  it('loses one attempt of a job that may be retried; the second one stands', async () => {
    const installation = await newInstallation();
    const { client } = await installation.start();
    const retry = { attempts: 2, on: ['lost'], initialMs: 10 };
    const gate = await Gate.submit({ installation, client }, { retry });
    await gate.untilStarted(1);
    signalLauncher(installation, 'SIGKILL');
    await gate.untilStarted(2);
    gate.let();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(await client.attempts(gate.id)).toMatchObject([lost, { state: 'succeeded', exitCode: 0 }]);
  });
});

it('a launch on its way to a launcher that is killed counts as begun: lost, with a gap, not sent again', async () => {
  const installation = await newInstallation();
  const { client } = await installation.start();
  // The claim is seen from here, the launch is not: a kill may come before it, and then the next launcher runs it.
  for (let round = 0; round < 10; round += 1) {
    signalLauncher(installation, 'SIGSTOP');
    const gate = await Gate.submit({ installation, client }, { name: `gate-${round}` });
    await pollUntil(
      () => client.job(gate.id),
      ({ state }) => state === 'running',
    );
    signalLauncher(installation, 'SIGKILL');
    const { state } = await pollUntil(
      () => client.job(gate.id),
      (job) => isEnded(job.state) || gate.hasStarted(1),
    );
    if (isEnded(state)) {
      expect(await client.job(gate.id)).toMatchObject({ ...lost, attempt: 1 });
      expect(await client.gaps(gate.id)).toHaveLength(1);
      expect(gate.hasStarted(1)).toBe(false);
      return;
    }
    gate.let();
    await client.untilEnded(gate.id);
  }
  throw new Error('no launch was on its way when its launcher was killed');
});

describe('server and launcher killed together', () => {
  it('lose what had been started, with a gap, and never run it again', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client });
    await gate.untilStarted();
    signalLauncher(installation, 'SIGKILL');
    await server.kill();
    await server.start();
    expect(await client.untilEnded(gate.id)).toMatchObject({ ...lost, attempt: 1 });
    expect(await client.gaps(gate.id)).toHaveLength(1);
    expect(gate.hasStarted(2)).toBe(false);
    await untilNoPrograms(installation);
  });

  it('run again what had been claimed and not started', async () => {
    const installation = await newInstallation();
    const { server, client } = await installation.start();
    signalLauncher(installation, 'SIGSTOP');
    const gate = await Gate.submit({ installation, client });
    await pollUntil(
      () => client.job(gate.id),
      ({ state }) => state === 'running',
    );
    signalLauncher(installation, 'SIGKILL');
    await server.kill();
    await server.start();
    gate.let();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    expect(await client.attempts(gate.id)).toMatchObject([{ state: 'released' }, { state: 'succeeded' }]);
    expect(gate.hasStarted(1)).toBe(false);
  });
});
