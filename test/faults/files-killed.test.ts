import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/contract/file.ts';
import { send } from '../support/faults/processes.ts';
import { Gate, useInstallations } from '../support/faults/use-installations.ts';
import { pollUntil } from '../support/poll.ts';

const newInstallation = useInstallations();

const count = 40;
const sizeBytes = 5_000_000;
const contents = (name: string): Buffer => Buffer.alloc(sizeBytes, `${name}\n`);

describe('files that a program left', () => {
  it('are all kept, whole and once, when the server is killed while it takes them', async () => {
    const installation = await newInstallation({ env: { DAYBOOK_LEASE_SECONDS: '60' } });
    const { server, client } = await installation.start();
    installation.addScript(
      'makes.sh',
      `#!/bin/bash\ncd "$DAYBOOK_OUTPUT_DIR"\nfor n in $(seq ${count}); do yes file-$n | head -c ${sizeBytes} > file-$n; done\n`,
    );
    const { id } = await client.submit({ input: { script: 'makes.sh' } });
    const artifacts = async (): Promise<Artifact[]> =>
      (await client.read<{ items: Artifact[] }>(`/api/v1/jobs/${id}/artifacts`)).items;
    await pollUntil(artifacts, (items) => items.length > 0, { deadlineMs: 60_000 });
    await server.kill();
    await server.start();
    const before = await artifacts();
    expect(await client.untilEnded(id, 60_000)).toMatchObject({ state: 'succeeded', attempt: 1 });
    const items = await artifacts();
    expect(before.length).toBeLessThan(count);
    expect(items).toHaveLength(count);
    for (const { name, sha256 } of items)
      expect([name, sha256]).toEqual([name, createHash('sha256').update(contents(name)).digest('hex')]);
    expect(items.slice(0, 1)).toEqual(before.slice(0, 1));
    expect(readdirSync(join(installation.data(), 'attempts'))).toEqual(['.daybook', 'none']);
  });

  it('of a program that ran on without its worker are kept by the next one', async () => {
    const installation = await newInstallation({ env: { DAYBOOK_LEASE_SECONDS: '60' } });
    const { server, client } = await installation.start();
    installation.addScript(
      'waits.sh',
      `#!/bin/bash\ntouch begun\nuntil [ -e go ]; do sleep 0.02; done\necho late > "$DAYBOOK_OUTPUT_DIR/late.txt"\n`,
    );
    const { id } = await client.submit({ input: { script: 'waits.sh' } });
    await pollUntil(
      () => existsSync(join(installation.home(), 'begun')),
      (isThere) => isThere,
    );
    await server.kill();
    writeFileSync(join(installation.home(), 'go'), '');
    await pollUntil(
      () => installation.processes('program'),
      (programs) => programs.length === 0,
    );
    await server.start();
    expect(await client.untilEnded(id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    const { items } = await client.read<{ items: Artifact[] }>(`/api/v1/jobs/${id}/artifacts`);
    expect(items).toMatchObject([{ role: 'out', attempt: 1, name: 'late.txt', sizeBytes: 5 }]);
  });

  it('do not stay on the disk when launcher and worker were killed', async () => {
    const installation = await newInstallation({ env: { DAYBOOK_LEASE_SECONDS: '60' } });
    const { server, client } = await installation.start();
    const gate = await Gate.submit({ installation, client });
    await gate.untilStarted();
    const folders = join(installation.data(), 'attempts');
    expect(readdirSync(folders)).toContain(`${gate.id}.1.out`);
    mkdirSync(join(folders, `${gate.id}.1.out`, 'more'));
    await server.kill();
    for (const { pid } of installation.processes('launcher')) send(pid, 'SIGKILL');
    await server.start();
    expect(await client.untilEnded(gate.id)).toMatchObject({ state: 'failed', reason: 'lost' });
    expect(readdirSync(folders)).toEqual(['.daybook', 'none']);
  });
});
