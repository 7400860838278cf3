/**
 * Asks a real server everything its own OpenAPI document allows, and much that it does not.
 *
 *     node test/fuzz/api.ts [--requests 10000] [--seed N] [--at-once 8]
 *
 * A finding is an answer of 500 or above, no answer within ten seconds, a success that the document does not name, an
 * error that is not `{code, message}`, or a server that is not well afterwards. Exit code 1 when there is one.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { arbitraryRequest, type ApiDocument, type FuzzRequest } from '../support/fuzz/requests.ts';
import { startServer, type TestServer } from '../support/server.ts';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'at-once': { type: 'string', default: '8' },
  },
});
const total = Number(values.requests);
const seed = Number(values.seed);
const atOnce = Number(values['at-once']);
const patienceMs = 10_000;
const mostFindings = 20;

/** These answer for as long as one listens; the requests would only wait. */
const streams = new Set(['followOutput', 'followEvents']);
/** These would take away the account that asks. */
const suicidal = new Set(['changePassword']);

/** Who is not known is told so here, whoever asks. */
const signsIn = /^\/api\/v1\/(sessions|oidc)/;

/** A token: passwords are throttled where others, wrong ones, come from the same address, as they do here. */
let authorization = '';

const findings: string[] = [];
const statuses = new Map<number, number>();
const asked = new Map<string, number>();

const server = await startServer({ DAYBOOK_LOG_LEVEL: 'fatal' });
try {
  await run(server);
} finally {
  await server.close();
}
for (const finding of findings) print(`FINDING ${finding}`);
print(
  `${total} requests to ${asked.size} operations, seed ${seed}: ${[...statuses]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ')}; ${findings.length} findings`,
);
process.exit(findings.length === 0 && asked.size > 0 ? 0 : 1);

async function run(target: TestServer): Promise<void> {
  const document = (await target.call('GET', '/api/v1/openapi.json')).json<ApiDocument>();
  const known = await prepare(target);
  authorization = `Bearer ${await createToken(target)}`;
  const requests = fc.sample(arbitraryRequest(document, known, new Set([...streams, ...suicidal])), {
    numRuns: total,
    seed,
  });
  const queue = requests.values();
  await Promise.all(Array.from({ length: atOnce }, () => drain(target, queue)));
  const health = await target.call('GET', '/readyz');
  if (health.status !== 200)
    findings.push(`afterwards the server is not ready: ${health.status} ${health.text}`);
  if (target.process.exitCode !== null) findings.push('the server ended');
}

/** A few things that exist, so that requests get further than 404. */
async function prepare(target: TestServer): Promise<Record<string, string[]>> {
  writeFileSync(
    join(target.folder, 'scripts', 'hello.sh'),
    '#!/bin/sh\necho hello "$@"; echo error >&2; exit ${1:-0}\n',
    { mode: 0o755 },
  );
  const jobs: { id: number; uid: string }[] = [];
  for (let count = 0; count < 20; count += 1) {
    const input = { script: 'hello.sh', arguments: [['', String(count % 3)]] };
    jobs.push(
      (
        await target.call('POST', '/api/v1/jobs', { kind: 'script', input, tags: ['t'], project: 'p' })
      ).json(),
    );
  }
  await target.call('PUT', '/api/v1/queues/other', {});
  await target.call('PUT', '/api/v1/lanes/licence', { capacity: 2 });
  await target.call('POST', '/api/v1/users', { name: 'ana', role: 'member', password: 'a long password' });
  const names = ['default', 'other', 'licence', 'ana', 'hello.sh', 'new'];
  return {
    id: [...jobs.map(({ id }) => String(id)), jobs[0]?.uid ?? '1'],
    name: names,
    queue: ['default', 'other'],
    key: ['licence', 'user:admin'],
    stream: ['stdout', 'stderr'],
    script: ['hello.sh'],
    '?q': ['state:failed owner:admin', 'hel* -tag:x', 'submitted:>-7d', 'args.script:hello.sh', 'wall:>1s'],
    '?find': ['hello', 'e'],
  };
}

/** Not one of the first numbers, which the requests name more often than any other. */
async function createToken(target: TestServer): Promise<string> {
  let secret = '';
  for (let count = 0; count < 40; count += 1) {
    const answer = await target.call('POST', '/api/v1/tokens', { name: `fuzz ${count}`, scopes: ['all'] });
    secret = answer.json<{ secret: string }>().secret;
  }
  return secret;
}

async function drain(target: TestServer, queue: Iterator<FuzzRequest>): Promise<void> {
  for (let next = queue.next(); !next.done && findings.length < mostFindings; next = queue.next())
    await ask(target, next.value);
}

async function ask(target: TestServer, request: FuzzRequest): Promise<void> {
  asked.set(request.operation, (asked.get(request.operation) ?? 0) + 1);
  const say = (text: string): void => {
    findings.push(
      `${text}: ${request.method} ${request.path.slice(0, 300)} ${(request.body ?? '').slice(0, 500)}`,
    );
  };
  try {
    const response = await fetch(`${target.url}${request.path}`, {
      method: request.method,
      headers: {
        authorization,
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      signal: AbortSignal.timeout(patienceMs),
      redirect: 'manual',
    });
    const text = await response.text();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    const problem = judge(request, response, text);
    if (problem !== null) say(`${problem} (${response.status} ${text.slice(0, 200)})`);
  } catch (error) {
    say(error instanceof Error ? `${error.name} ${error.message}` : String(error));
  }
}

function judge(request: FuzzRequest, response: Response, text: string): string | null {
  const { status } = response;
  if (status >= 500) return 'a server error';
  if (status === 401 && !signsIn.test(request.path)) return 'the admin is not known any more';
  if (status < 400)
    return request.documented.includes(String(status)) ? null : 'a success that the document does not name';
  if (!request.path.startsWith('/api/v1/')) return null;
  try {
    const body = JSON.parse(text) as { code?: unknown; message?: unknown };
    return typeof body.code === 'string' && typeof body.message === 'string'
      ? null
      : 'an error without code and message';
  } catch {
    return 'an error that is no JSON';
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
