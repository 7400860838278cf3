import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job } from '../../../src/contract/job.ts';
import { isEnded } from '../../../src/contract/states.ts';
import { pollUntil } from '../poll.ts';
import { adminAuthorization } from '../admin.ts';
import type { TestServer } from '../server.ts';

const mostAnswerBytes = 2 * 1024 * 1024;

/**
 * Runs a job that prints one line of so many bytes, reads it from several places while it prints and after, and downloads
 * it. @throws when an answer is larger than a page may be, or something is missing
 */
export async function printOneLine(server: TestServer, bytes: number): Promise<void> {
  const script = `#!/bin/sh\nhead -c ${bytes} /dev/zero | tr '\\0' x\n`;
  writeFileSync(join(server.folder, 'scripts', 'one-line.sh'), script, { mode: 0o755 });
  const body = { kind: 'script', input: { script: 'one-line.sh' }, limits: { outputBytes: bytes * 2 } };
  const answer = await server.call('POST', '/api/v1/jobs', body);
  if (answer.status !== 201) throw new Error(`the submit was answered ${answer.status}: ${answer.text}`);
  const { id } = answer.json<Job>();
  const job = await pollUntil(
    async () => {
      await readEverywhere(server, id);
      return (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();
    },
    ({ state }) => isEnded(state),
    { deadlineMs: 900_000 },
  );
  if (job.state !== 'succeeded') throw new Error(`the job is ${job.state}: ${job.message}`);
  await readEverywhere(server, id);
  const found = await download(server, id);
  if (found !== bytes) throw new Error(`${found} bytes are there of ${bytes}`);
}

async function readEverywhere(server: TestServer, id: number): Promise<void> {
  for (const place of ['from=0.0', 'from=end&direction=backward', 'from=stdout:0&direction=backward']) {
    const { status, text } = await server.call('GET', `/api/v1/jobs/${id}/output/view?${place}&lines=2000`);
    if (status !== 200 || text.length > mostAnswerBytes)
      throw new Error(`${place} was answered ${status} with ${text.length} characters`);
  }
}

async function download(server: TestServer, id: number): Promise<number> {
  const headers = { authorization: adminAuthorization };
  const { body } = await fetch(`${server.url}/api/v1/jobs/${id}/output/stdout`, { headers });
  let bytes = 0;
  for await (const piece of body ?? []) bytes += (piece as Uint8Array).length;
  return bytes;
}
