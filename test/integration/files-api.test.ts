import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artifact } from '../../src/contract/file.ts';
import { createFiles } from '../../src/domain/files/files.ts';
import type { App } from '../../src/surfaces/http/access.ts';
import { registerRoutes } from '../../src/app/routes.ts';
import { createHttpServer } from '../../src/surfaces/http/server.ts';
import { createFileStore } from '../../src/adapters/store/file-store.ts';
import { accounts, addUser, admin, app, database, useAccounts, type Headers } from '../support/accounts.ts';
import { pollUntil } from '../support/poll.ts';
import { createTestProduct } from '../support/product.ts';

useAccounts();

const octets = 'application/octet-stream';
const limitBytes = 600_000;

/** The same API with a small limit. */
let strict: App;
let port = 0;

beforeEach(async () => {
  strict = await createHttpServer({ accounts, trustProxy: true, publicUrl: null, host: '127.0.0.1' });
  const env = { DAYBOOK_FILE_LIMIT: String(limitBytes) };
  registerRoutes(strict, createTestProduct(database.db, { env, accounts }), null);
  await strict.listen({ host: '127.0.0.1', port: 0 });
  port = (strict.server.address() as AddressInfo).port;
});
afterEach(() => strict.close());

interface Stored {
  id: string;
  name: string;
  sizeBytes: number;
  sha256: string;
}

async function upload(bytes: Buffer, name = 'a.txt', headers: Headers = admin): Promise<Stored> {
  const answer = await app.inject({
    method: 'POST',
    url: `/api/v1/files?name=${encodeURIComponent(name)}`,
    headers: { ...headers, 'content-type': octets },
    payload: bytes,
  });
  expect(answer.statusCode).toBe(201);
  return answer.json<Stored>();
}

async function submit(
  files: { file: string; name: string }[],
  { headers = admin, ...options }: { headers?: Headers } & Record<string, unknown> = {},
) {
  const payload = { kind: 'script', input: { script: 'a.sh' }, ...options, files };
  return app.inject({ method: 'POST', url: '/api/v1/jobs', headers, payload });
}

async function jobWith(bytes: Buffer, name: string): Promise<{ id: number; artifact: Artifact }> {
  const { id } = (await submit([{ file: (await upload(bytes)).id, name }])).json<{ id: number }>();
  const [artifact] = await artifacts(id);
  if (!artifact) throw new Error('the job has its file');
  return { id, artifact };
}

async function artifacts(job: number): Promise<Artifact[]> {
  const answer = await app.inject({ url: `/api/v1/jobs/${job}/artifacts`, headers: admin });
  return answer.json<{ items: Artifact[] }>().items;
}

function read(job: number, artifact: number, { query = '', ...headers }: Headers = {}) {
  const url = `/api/v1/jobs/${job}/artifacts/${artifact}${query}`;
  return app.inject({ url, headers: { ...admin, ...headers } });
}

async function counts(): Promise<{ files: number; chunks: number }> {
  const [row] = await database.db.query<{ files: number; chunks: number }>(
    'select (select count(*) from stored_files) as files, (select count(*) from file_chunks) as chunks',
  );
  return row ?? { files: -1, chunks: -1 };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a file that is uploaded and given to a job', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('1,2\n'.repeat(300_000))],
    ['noise', randomBytes(700_001)],
  ])('comes back byte for byte when it holds %s', async (_what, bytes) => {
    const stored = await upload(bytes, 'in.bin');
    expect(stored).toMatchObject({ name: 'in.bin', sizeBytes: bytes.length, sha256: sha256(bytes) });
    const answer = await submit([{ file: stored.id, name: 'mesh/part.bin' }]);
    expect(answer.statusCode).toBe(201);
    const job = answer.json<{ id: number; files: unknown }>();
    expect(job.files).toEqual([{ file: stored.id, name: 'mesh/part.bin' }]);
    const items = await artifacts(job.id);
    expect(items).toMatchObject([
      { role: 'in', attempt: null, name: 'mesh/part.bin', file: stored.id, sizeBytes: bytes.length },
    ]);
    const content = await read(job.id, items[0]?.id ?? 0);
    expect(content.statusCode).toBe(200);
    expect(content.rawPayload.equals(bytes)).toBe(true);
  });

  it('takes less room when it can be packed', async () => {
    await upload(Buffer.from('a line that comes again and again\n'.repeat(30_000)));
    const [row] = await database.db.query<{ bytes: number }>(
      'select sum(octet_length(data)) as bytes from file_chunks',
    );
    expect(row?.bytes).toBeLessThan(20_000);
  });

  it('can be named by whoever uploaded it alone, until a job has it', async () => {
    const ana = await addUser('ana');
    const { id: file } = await upload(Buffer.from('of the admin'));
    const refused = await submit([{ file, name: 'a' }], { headers: ana });
    expect(refused.statusCode).toBe(400);
    expect(refused.json().details).toEqual([
      { field: 'files.0', message: `there is no file ${file} of yours; upload a again` },
    ]);
    expect((await submit([{ file, name: 'a' }])).statusCode).toBe(201);
    expect((await submit([{ file, name: 'a' }], { headers: ana })).statusCode).toBe(201);
  });

  it.each(['../a', '/a', 'a//b', 'a/../b', '.', '', 'a\nb', 'a\u202eb', 'x'.repeat(256)])(
    'cannot be called %j',
    async (name) => {
      const url = `/api/v1/files?name=${encodeURIComponent(name)}`;
      const headers = { ...admin, 'content-type': octets };
      const early = await app.inject({ method: 'POST', url, headers, payload: 'x' });
      expect(early.statusCode).toBe(400);
      expect(await counts()).toEqual({ files: 0, chunks: 0 });
      const { id: file } = await upload(Buffer.from('x'));
      expect((await submit([{ file, name }])).statusCode).toBe(400);
    },
  );

  it('cannot stand twice in one place, nor be a folder of another', async () => {
    const { id: file } = await upload(Buffer.from('x'));
    const same = await submit([
      { file, name: 'a' },
      { file, name: 'a' },
    ]);
    expect(same.json()).toMatchObject({ details: [{ field: 'files', message: 'a is there twice' }] });
    const inside = await submit([
      { file, name: 'a/b' },
      { file, name: 'a' },
    ]);
    expect(inside.json().details[0].message).toBe('a cannot be a file and the folder of a/b');
  });

  it('makes a repeated submit the same one when it is uploaded again, and another one when it differs', async () => {
    const [first, again, other] = [
      await upload(Buffer.from('x')),
      await upload(Buffer.from('x')),
      await upload(Buffer.from('y')),
    ];
    const key = { idempotencyKey: 'once' };
    expect((await submit([{ file: first.id, name: 'a' }], key)).statusCode).toBe(201);
    expect((await submit([{ file: again.id, name: 'a' }], key)).statusCode).toBe(200);
    expect((await submit([{ file: other.id, name: 'a' }], key)).statusCode).toBe(409);
  });

  it('goes with the job into the next run, by reference', async () => {
    const { id, artifact } = await jobWith(Buffer.from('x'), 'a.inp');
    const url = `/api/v1/jobs/${id}/again`;
    const answer = await app.inject({ method: 'POST', url, headers: admin, payload: {} });
    expect(answer.statusCode).toBe(201);
    const again = answer.json<{ id: number; files: unknown }>();
    expect(again.files).toEqual([{ file: artifact.file, name: 'a.inp' }]);
    expect(await artifacts(again.id)).toMatchObject([{ file: artifact.file, name: 'a.inp' }]);
    const without = { edit: { files: null }, dryRun: true };
    const compared = await app.inject({ method: 'POST', url, headers: admin, payload: without });
    expect(compared.json().changes).toEqual([
      { field: 'files', before: [{ file: artifact.file, name: 'a.inp' }], after: null },
    ]);
    expect((await counts()).files).toBe(1);
  });
});

describe('an upload', () => {
  it('above the limit is refused with the limit in words, and leaves nothing', async () => {
    const bytes = randomBytes(limitBytes + 1);
    for (const isAnnounced of [true, false]) {
      const answer = await send(bytes, { isAnnounced });
      expect(answer.status).toBe(413);
      expect(answer.body).toMatchObject({
        code: 'payload_too_large',
        message: expect.stringContaining('larger than 586 KiB'),
      });
      expect(await counts()).toEqual({ files: 0, chunks: 0 });
    }
    expect((await send(bytes.subarray(1), { isAnnounced: false })).status).toBe(201);
  });

  it('that breaks off leaves nothing', async () => {
    const sent = open({ 'content-length': '590000' });
    sent.write(randomBytes(560_000));
    await pollUntil(counts, ({ chunks }) => chunks > 0);
    sent.destroy();
    const left = await pollUntil(counts, ({ files }) => files === 0);
    expect(left).toEqual({ files: 0, chunks: 0 });
  });

  it('of another type is refused with the type to send', async () => {
    const url = '/api/v1/files?name=a';
    for (const type of ['text/plain', 'application/json', 'application/x-www-form-urlencoded']) {
      const headers = { ...admin, 'content-type': type };
      const answer = await app.inject({ method: 'POST', url, headers, payload: '{}' });
      expect([answer.statusCode, answer.json().message]).toEqual([415, expect.stringContaining(octets)]);
    }
  });

  it('is refused as a submit is while the disk is full, and what came of it is removed', async () => {
    let room = 2;
    const files = createFiles({
      store: createFileStore(database.db),
      limitBytes: 10_000_000,
      obstacle: () => ((room -= 1) < 0 ? 'Only 1 MiB is free.' : null),
    });
    await expect(files.store(pieces(3), { owner: { owner: 'ana', ownerId: null } })).rejects.toMatchObject({
      code: 'storage_full',
    });
    expect(room).toBe(-1);
    expect(await counts()).toEqual({ files: 0, chunks: 0 });
  });
});

async function* pieces(count: number): AsyncGenerator<Buffer> {
  for (let n = 0; n < count; n += 1) yield randomBytes(300_000);
}

describe('the bytes of a file', () => {
  const bytes = randomBytes(600_000);

  it.each([
    ['bytes=0-9', 0, 9],
    ['bytes=262140-262150', 262_140, 262_150],
    ['bytes=599990-', 599_990, 599_999],
    ['bytes=-5', 599_995, 599_999],
  ])('can be had in part: %s', async (range, first, last) => {
    const { id, artifact } = await jobWith(bytes, 'a.bin');
    const answer = await read(id, artifact.id, { range });
    expect(answer.statusCode).toBe(206);
    expect(answer.headers).toMatchObject({
      'content-range': `bytes ${first}-${last}/600000`,
      'content-length': String(last + 1 - first),
    });
    expect(answer.rawPayload.equals(bytes.subarray(first, last + 1))).toBe(true);
  });

  it('are known by their hash: whoever has them is not sent them again', async () => {
    const { id, artifact } = await jobWith(Buffer.from('abc'), 'a.bin');
    const tag = `"${artifact.sha256}"`;
    const whole = await read(id, artifact.id);
    expect(whole.headers).toMatchObject({ etag: tag, 'accept-ranges': 'bytes', 'content-length': '3' });
    expect(await read(id, artifact.id, { 'if-none-match': `"x", W/${tag}` })).toMatchObject({
      statusCode: 304,
      body: '',
    });
    const other = { range: 'bytes=0-0', 'if-range': '"x"' };
    expect((await read(id, artifact.id, other)).statusCode).toBe(200);
    const behind = await read(id, artifact.id, { range: 'bytes=3-' });
    expect([behind.statusCode, behind.headers['content-range']]).toEqual([416, 'bytes */3']);
    const url = `/api/v1/jobs/${id}/artifacts/${artifact.id}`;
    const head = await app.inject({ method: 'HEAD', url, headers: admin });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, '3', '']);
  });

  it.each([
    ['evil.svg', octets, 'attachment'],
    ['evil.html', octets, 'attachment'],
    ['evil.png.htm', octets, 'attachment'],
    ['none', octets, 'attachment'],
    ['plot.PNG', 'image/png', 'inline'],
    ['table.csv', 'text/plain; charset=utf-8', 'inline'],
  ])('of %s are shown as %s, never as a page', async (name, type, kind) => {
    const { id, artifact } = await jobWith(Buffer.from('<script>alert(1)</script>'), name);
    const shown = await read(id, artifact.id, { query: '?inline=true' });
    expect(shown.headers).toMatchObject({
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringMatching(/default-src 'none'.*sandbox/),
      'content-disposition': expect.stringMatching(new RegExp(`^${kind}; `)),
    });
    const saved = await read(id, artifact.id);
    expect(saved.headers).toMatchObject({
      'content-type': octets,
      'content-disposition': expect.stringMatching(/^attachment; /),
    });
  });

  it('are had only by the job that names them', async () => {
    const one = await jobWith(Buffer.from('a'), 'a');
    const two = await jobWith(Buffer.from('b'), 'b');
    expect((await read(one.id, two.artifact.id)).statusCode).toBe(404);
  });
});

describe('a file that nobody names', () => {
  const store = () => createFileStore(database.db);
  const age = () => database.db.query(`update stored_files set created_at = now() - interval '25 hours'`);

  it('goes with the last job that had it', async () => {
    const { id: file } = await upload(Buffer.from('x'));
    const jobs = [];
    for (const name of ['a', 'b']) jobs.push((await submit([{ file, name }])).json<{ id: number }>().id);
    for (const [index, id] of jobs.entries()) {
      const cancelled = await app.inject({
        method: 'POST',
        url: `/api/v1/jobs/${id}/cancel`,
        headers: admin,
      });
      expect(cancelled.statusCode).toBe(202);
      const removed = await app.inject({ method: 'DELETE', url: `/api/v1/jobs/${id}`, headers: admin });
      expect(removed.statusCode).toBe(204);
      expect((await counts()).files).toBe(1 - index);
    }
    expect(await counts()).toEqual({ files: 0, chunks: 0 });
  });

  it('goes after a day, whole or half; one of a job stays', async () => {
    await jobWith(Buffer.from('kept'), 'a');
    await upload(Buffer.from('forgotten'));
    const half = randomUUID();
    await store().begin(half, { owner: 'ana', ownerId: null });
    await store().append(half, { firstByte: 0, sizeBytes: 1, codec: 'plain', data: Buffer.from('x') });
    expect(await store().removeUnnamed(86_400_000)).toBe(0);
    await age();
    expect(await store().removeUnnamed(86_400_000)).toBe(2);
    expect(await counts()).toEqual({ files: 1, chunks: 1 });
  });

  it('stays while a submit that names it is not committed yet', async () => {
    const { id: file } = await upload(Buffer.from('x'));
    await age();
    const [job] = [(await submit([])).json<{ id: number }>().id];
    await database.db.transaction(async (tx) => {
      const name = `insert into artifacts (job_id, role, name, file_id) values ($1, 'in', 'a', $2)`;
      await tx.query(name, [job, file]);
      expect(await store().removeUnnamed(86_400_000)).toBe(0);
    });
    expect(await artifacts(job)).toMatchObject([{ file }]);
  });
});

function open(headers: Record<string, string>) {
  const sent = ask({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/api/v1/files?name=a',
    headers: { ...admin, 'content-type': octets, ...headers },
  });
  sent.on('error', () => {
    // The server may close before everything was sent.
  });
  return sent;
}

async function send(
  bytes: Buffer,
  { isAnnounced }: { isAnnounced: boolean },
): Promise<{ status: number; body: unknown }> {
  const sent = open(isAnnounced ? { 'content-length': String(bytes.length) } : {});
  return new Promise((resolve) => {
    sent.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    sent.end(bytes);
  });
}
