/**
 * A kind is one folder and one line: the checksum kind of `test/support/kinds` is added to a copy of the checkout, and
 * everything a kind has must come from that.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { addKind, copyCheckout, type Checkout } from '../support/checkout.ts';
import { adminPassword } from '../support/admin.ts';
import { pollUntil } from '../support/poll.ts';
import { startServer, type TestServer } from '../support/server.ts';

const gib = 2 ** 30;

let checkout: Checkout;

beforeAll(() => {
  checkout = copyCheckout();
  addKind(checkout, 'checksum');
});
afterAll(() => checkout.remove());

// Half a minute of one processor, most of it for the types.
it('passes the checks of the source, and its setting documents itself', { timeout: 240_000 }, async () => {
  expect(await checkout.node(['scripts/write-docs.ts'])).toMatchObject({ code: 0 });
  const page = checkout.read('docs/configuration.md');
  expect(page).toMatch(
    /^## Checksum\n\n\| name \| `\[checksum\]` in .*\n.*\n\| `DAYBOOK_CHECKSUM_MOST` \| `most` \| `100GiB` \| How much /m,
  );
  const checks = ['format', 'types', 'directions', 'dead code'];
  const checked = await checkout.node(['scripts/check.ts', ...checks]);
  expect([checked.code, checked.stdout]).toEqual([0, expect.stringMatching(/^(ok .*\n){4}$/)]);
});

it('has its setting in the configuration, where typing errors and malformed values are found', async () => {
  const config = (env: Record<string, string>) => checkout.node(['src/main.ts', 'config'], env);
  expect((await config({ DAYBOOK_CHECKSUM_MOST: '5GiB' })).stdout).toMatch(
    /^DAYBOOK_CHECKSUM_MOST +5GiB +environment$/m,
  );
  expect((await config({ DAYBOOK_CHECKSUM_MSOT: '5GiB' })).stderr).toContain(
    'did you mean DAYBOOK_CHECKSUM_MOST?',
  );
  expect((await config({ DAYBOOK_CHECKSUM_MOST: 'much' })).stderr).toContain(
    'DAYBOOK_CHECKSUM_MOST is "much": expected a size such as',
  );
});

describe('on a server', () => {
  let server: TestServer;
  let home = '';

  beforeAll(async () => {
    server = await startServer({ DAYBOOK_CHECKSUM_MOST: '64GiB' }, { checkout: checkout.folder });
    home = join(server.folder, 'homedir');
    mkdirSync(join(home, 'folder'));
    writeFileSync(join(home, 'folder/a.txt'), 'a');
    writeFileSync(join(home, 'b.txt'), 'two words');
    symlinkSync('folder/a.txt', join(home, 'inside'));
    symlinkSync('/etc/passwd', join(home, 'outside'));
    symlinkSync('/etc', join(home, 'elsewhere'));
    for (const [name, size] of [
      ['large', 48 * gib],
      ['larger', 65 * gib],
    ] as const) {
      writeFileSync(join(home, name), '');
      // All zeros, and no block of the disk.
      truncateSync(join(home, name), size);
    }
  });
  afterAll(() => server?.close());

  const digestOf = (algorithm: string, text: string): string =>
    createHash(algorithm).update(text).digest('hex');
  const submit = (input: unknown) => server.call('POST', '/api/v1/jobs', { kind: 'checksum', input });
  const read = async (id: number): Promise<Job> =>
    (await server.call('GET', `/api/v1/jobs/${id}`)).json<Job>();
  const run = async (input: unknown): Promise<Job> => {
    const { id } = (await submit(input)).json<Job>();
    return pollUntil(
      () => read(id),
      ({ endedAt }) => endedAt !== null,
    );
  };

  it('is described with the schema of its input', async () => {
    const { items } = (await server.call('GET', '/api/v1/kinds')).json<{ items: { name: string }[] }>();
    expect(items.find(({ name }) => name === 'checksum')).toMatchObject({
      title: 'Checksum',
      runsProgram: false,
      input: {
        required: ['paths'],
        properties: {
          paths: { type: 'array', minItems: 1, description: 'Files, from the home directory on.' },
          algorithm: { enum: ['sha256', 'sha512', 'sha1', 'md5'], default: 'sha256' },
        },
      },
    });
    const reference = (await server.call('GET', '/api/v1/openapi.json')).text;
    expect(reference).toContain('Makes digests of files in the home directory.');
  });

  it.each([
    [{ paths: [] }, 'input.paths'],
    [{ paths: ['a', '../b'] }, 'input.paths.1'],
    [{ paths: ['/etc/passwd'] }, 'input.paths.0'],
    [{ paths: ['a'], algorithm: 'crc' }, 'input.algorithm'],
    [{ paths: ['a'], more: 1 }, 'input.more'],
  ])('refuses %j and names the field', async (input, field) => {
    const answer = await submit(input);
    expect(answer.status).toBe(400);
    expect(answer.json<{ details: { field: string }[] }>().details.map((one) => one.field)).toContain(field);
  });

  it('gives one digest a path, and its output', async () => {
    const job = await run({ paths: ['folder/a.txt', 'b.txt', 'inside'], algorithm: 'md5' });
    expect(job).toMatchObject({
      state: 'succeeded',
      name: 'md5 folder/a.txt and 2 more',
      progress: { fraction: 1 },
      result: {
        digests: [
          { path: 'folder/a.txt', digest: digestOf('md5', 'a'), sizeBytes: 1 },
          { path: 'b.txt', digest: digestOf('md5', 'two words'), sizeBytes: 9 },
          { path: 'inside', digest: digestOf('md5', 'a'), sizeBytes: 1 },
        ],
        failures: [],
      },
    });
    const output = await server.call('GET', `/api/v1/jobs/${job.id}/output`);
    expect(output.text).toContain(`${digestOf('md5', 'two words')}  b.txt`);
  });

  it('says which path cannot be read and why, and reads the others', async () => {
    const job = await run({ paths: ['outside', 'elsewhere/passwd', 'none', 'folder', 'b.txt'] });
    const away = 'leads out of the home directory';
    expect(job).toMatchObject({
      state: 'failed',
      reason: 'error',
      message: `outside: ${away}, and 3 more could not be read.`,
      result: {
        digests: [{ path: 'b.txt', digest: digestOf('sha256', 'two words') }],
        failures: [
          { path: 'outside', problem: away },
          { path: 'elsewhere/passwd', problem: away },
          { path: 'none', problem: 'there is no such file in the home directory' },
          { path: 'folder', problem: 'is a folder, not a file' },
        ],
      },
    });
  });

  it('keeps to its setting', async () => {
    expect(await run({ paths: ['larger'] })).toMatchObject({
      state: 'failed',
      reason: 'rejected',
      message: expect.stringMatching(
        /^The files have 65.0 GiB, more than the 64.0 GiB that DAYBOOK_CHECKSUM_MOST/,
      ),
    });
  });

  it('tells how far it is, and stops when it is cancelled', async () => {
    const { id } = (await submit({ paths: ['large'] })).json<Job>();
    const running = await pollUntil(
      () => read(id),
      ({ progress }) => (progress?.fraction ?? 0) > 0,
    );
    expect(running).toMatchObject({ state: 'running', progress: { message: 'large' } });
    await server.call('POST', `/api/v1/jobs/${id}/cancel`);
    const ended = await pollUntil(
      () => read(id),
      ({ endedAt }) => endedAt !== null,
    );
    expect(ended).toMatchObject({ state: 'cancelled', result: null });
  });

  it('has its help on the command line, and runs from there', async () => {
    const daybook = (...args: string[]) =>
      checkout.node(['src/main.ts', ...args], {
        DAYBOOK_URL: server.url,
        DAYBOOK_USER: 'admin',
        DAYBOOK_PASSWORD: adminPassword,
      });
    expect((await daybook('kinds')).stdout).toMatch(/^checksum +Makes digests of files/m);
    expect((await daybook('kinds', 'checksum')).stdout).toMatch(
      /^ {2}paths +list of text, needed\. Files, .*\n {2}algorithm +one of "sha256", .* by default "sha256"$/m,
    );
    expect((await daybook('submit', '--kind', 'checksum')).stderr).toContain('daybook kinds checksum');
    const followed = await daybook(
      'submit',
      '--follow',
      '--kind',
      'checksum',
      '--input',
      '{"paths":["b.txt"]}',
    );
    expect(followed).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${digestOf('sha256', 'two words')}  b.txt`),
    });
  });
});
