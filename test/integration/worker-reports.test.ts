import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { runCommand } from '../../src/surfaces/cli/test-context.ts';
import { adminPassword } from '../support/admin.ts';
import { isEnded } from '../../src/contract/states.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let log = '';

beforeAll(async () => {
  server = await startServer();
  server.process.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()));
});

afterAll(() => server.close());

/** Runs a program that prints these reports, and gives the job at its end with the names of its series. */
async function report(name: string, ...reports: string[]): Promise<{ job: Job; series: string[] }> {
  const lines = reports.map((text) => `echo '{"daybook":${text}}'\nsleep 0.7`);
  const path = join(server.folder, 'scripts', name);
  writeFileSync(path, `#!/bin/bash\n${lines.join('\n')}\n`, { mode: 0o755 });
  const body = { kind: 'script', input: { script: name } };
  const { id } = (await server.call('POST', '/api/v1/jobs', body)).json<Job>();
  const job = await pollUntil(
    async () => (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>(),
    ({ state }) => isEnded(state),
  );
  const { items } = (await server.call('GET', `/api/v1/jobs/${id}/series`)).json<{
    items: { name: string }[];
  }>();
  return { job, series: items.map((one) => one.name) };
}

const goodSeries = '{"series":{"name":"good","x":1,"y":2}}';

it('a result with a NUL or half a character is kept as far as it can be, and the job comes to its end', async () => {
  const { job } = await report('result.sh', String.raw`{"result":{"nul":"a\u0000b","half":"\ud800"}}`);
  expect(job).toMatchObject({ state: 'succeeded', attempt: 1, result: { nul: 'a\ufffdb', half: '\ufffd' } });
});

it('a whole number of any length is kept as it was printed, and a measured one is a double', async () => {
  const { job, series } = await report(
    'long.sh',
    '{"result":{"k":12345678901234567890,"in":[{"deep":-98765432109876543210}]},"series":{"name":"counter","x":1,"y":12345678901234567890}}',
  );
  const { text } = await server.call('GET', `/api/v1/jobs/${job.id}`);
  expect(text).toContain('"result":{"k":12345678901234567890,"in":[{"deep":-98765432109876543210}]}');
  expect(series).toEqual(['counter']);
  const env = { DAYBOOK_URL: server.url, DAYBOOK_USER: 'admin', DAYBOOK_PASSWORD: adminPassword };
  expect((await runCommand(['job', String(job.id)], { env })).stdout).toContain('{"k":12345678901234567890,');
});

it('a message with a NUL is passed over and holds back no series', async () => {
  const { job, series } = await report('message.sh', String.raw`{"message":"a\u0000"}`, goodSeries);
  expect([job.state, series]).toEqual(['succeeded', ['good']]);
});

it('a series whose name has a NUL holds back no other, and is not tried again for ever', async () => {
  const { job, series } = await report(
    'series.sh',
    String.raw`{"series":{"name":"a\u0000","x":1,"y":1}}`,
    goodSeries,
  );
  expect(job.state).toBe('succeeded');
  expect(series).toEqual(['good']);
  const warned = log.length;
  await report('after.sh', goodSeries);
  expect(log.length).toBe(warned);
});
