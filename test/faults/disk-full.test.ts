import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { isEnded } from '../../src/contract/states.ts';
import { canMount, createSmallDisk, type SmallDisk } from '../support/faults/small-disk.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestAnswer, type TestServer } from '../support/server.ts';
import { requireService } from '../support/services.ts';

const mebibyte = 1024 * 1024;

describe.runIf(requireService('a file system of its own (mount)', canMount()))('a full disk', () => {
  let disk: SmallDisk;
  let server: TestServer;

  beforeEach(() => {
    disk = createSmallDisk(280 * mebibyte);
  });

  afterEach(async () => {
    disk.makeRoom();
    await server.close().catch(() => {
      // The folder of the server is the file system itself, which cannot be removed as a folder.
    });
    disk.remove();
  });

  const start = async (stop: string, least: string): Promise<void> => {
    server = await startServer(
      { DAYBOOK_STOP_FREE_DISK: stop, DAYBOOK_MIN_FREE_DISK: least },
      { folder: disk.folder },
    );
    const write = (name: string, text: string): void =>
      writeFileSync(join(disk.folder, 'scripts', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    write('chat.sh', 'i=0; while [ $i -lt 60 ]; do echo "line $i"; i=$((i+1)); sleep 0.1; done');
    write('quick.sh', 'cat > /dev/null; echo quick');
  };
  const submit = (script: string, stdin?: string): Promise<TestAnswer> =>
    server.call('POST', '/api/v1/jobs', {
      kind: 'script',
      input: { script },
      ...(stdin === undefined ? {} : { stdin }),
    });
  const get = async (id: number): Promise<Job> =>
    (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();

  it('stops new work in two steps, each in clear words, and goes on by itself when there is room', async () => {
    await start('60MiB', '90MiB');
    const running = (await submit('chat.sh')).json<Job>().id;
    await pollUntil(
      () => get(running),
      ({ state }) => state === 'running',
    );
    disk.fill(75 * mebibyte);
    const problem = async (): Promise<string | null | undefined> =>
      (await server.call('GET', '/api/v1/workers')).json<{ items: { problem: string | null }[] }>().items[0]
        ?.problem;
    expect(await pollUntil(problem, (text) => text !== null)).toMatch(
      /^Only \d+ MiB are free for home and data; below 90 MiB/,
    );
    const waiting = await submit('quick.sh');
    expect(waiting.status).toBe(201);
    disk.fill(40 * mebibyte);
    const refused = await pollUntil(
      () => submit('quick.sh'),
      ({ status }) => status !== 201,
    );
    expect(refused.status).toBe(507);
    expect(refused.json()).toMatchObject({
      code: 'storage_full',
      message: expect.stringMatching(/^Only \d+ MiB are free on the disk of the server; below 60 MiB/),
    });
    expect((await server.call('GET', '/readyz')).status).toBe(200);
    disk.makeRoom();
    const ended = await pollUntil(
      () => get(waiting.json<Job>().id),
      ({ state }) => isEnded(state),
      { deadlineMs: 30_000 },
    );
    expect(ended.state).toBe('succeeded');
    expect(
      (
        await pollUntil(
          () => submit('quick.sh'),
          ({ status }) => status === 201,
        )
      ).status,
    ).toBe(201);
  });

  it('without any level in the way loses nothing that was accepted, and never answers with an error of ours', async () => {
    await start('0', '0');
    const running = (await submit('chat.sh')).json<Job>().id;
    await pollUntil(
      () => get(running),
      ({ state }) => state === 'running',
    );
    disk.fill(0);
    const accepted: number[] = [];
    const statuses = new Set<number>();
    for (let count = 0; count < 60; count += 1) {
      // Noise that no compression makes small: the log of the database has to grow.
      const noise = Buffer.from(Array.from({ length: 150_000 }, () => Math.random() * 256)).toString(
        'base64',
      );
      const answer = await submit('quick.sh', noise).catch(() => null);
      if (answer) statuses.add(answer.status);
      if (answer?.status === 201) accepted.push(answer.json<Job>().id);
    }
    expect([...statuses].filter((status) => ![201, 503, 507].includes(status))).toEqual([]);
    expect(statuses.has(503) || statuses.has(507)).toBe(true);
    disk.makeRoom();
    for (const id of [running, ...accepted]) {
      const job = await pollUntil(
        () => get(id),
        ({ state }) => isEnded(state),
        { deadlineMs: 60_000 },
      );
      expect(job, `job ${id}: ${job.message}`).toMatchObject({
        state: expect.stringMatching(/succeeded|failed/),
      });
      if (job.state === 'failed') expect(job.message).toMatch(/No space left|ENOSPC/);
    }
    const chat = await server.call('GET', `/api/v1/jobs/${running}/output/stdout`);
    expect(chat.text).toBe(Array.from({ length: 60 }, (_, line) => `line ${line}\n`).join(''));
    const { items } = (await server.call('GET', '/api/v1/jobs?limit=500')).json<{ items: Job[] }>();
    expect(items.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual([running, ...accepted]);
  });
});
