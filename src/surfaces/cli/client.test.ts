import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { parseServerUrl } from './client.ts';
import { followJob, toExitCode, waitForJob } from './following.ts';
import { createTestContext, runCommand, testClient } from './test-context.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
});

async function serve(handler: Handler): Promise<string> {
  server = createServer(handler);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function jobWith(members: object): object {
  return { id: 5, state: 'running', attempt: 1, progress: null, startedAt: null, endedAt: null, ...members };
}

describe('who asks', () => {
  it.each([
    [{ DAYBOOK_TOKEN: 'dbk_1' }, [], 'Bearer dbk_1'],
    [{ DAYBOOK_USER: 'ana', DAYBOOK_PASSWORD: 'p:w' }, [], `Basic ${btoa('ana:p:w')}`],
    [{ DAYBOOK_TOKEN: 'dbk_1', DAYBOOK_USER: 'ana', DAYBOOK_PASSWORD: 'p' }, [], 'Bearer dbk_1'],
    [{ DAYBOOK_TOKEN: 'dbk_1', DAYBOOK_PASSWORD: 'p' }, ['--user', 'eva'], `Basic ${btoa('eva:p')}`],
    [{ DAYBOOK_USER: 'ana', DAYBOOK_PASSWORD: 'p' }, ['--token', 'dbk_2'], 'Bearer dbk_2'],
    [{}, [], undefined],
  ])('%j and %j send %s', async (env, args, expected) => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      answer(response, 200, { items: [] });
    });
    expect((await runCommand(['lane', 'list', ...args], { env: { ...env, DAYBOOK_URL: url } })).code).toBe(0);
    expect((await runCommand([...args, 'lane'], { env: { ...env, DAYBOOK_URL: url } })).code).toBe(0);
    expect(seen).toEqual([expected, expected]);
  });

  it('an address may lack its scheme, carry a path, and name the user', () => {
    expect(parseServerUrl('jobs.example:81/day/')).toEqual({ url: 'http://jobs.example:81/day' });
    expect(parseServerUrl('https://ana:p%40@x')).toEqual({ url: 'https://x', user: 'ana', password: 'p@' });
  });
});

describe('answers', () => {
  it('--json prints exactly what the API says', async () => {
    const body = { items: [{ key: 'a b', capacity: 1, taken: 0, waiting: 0, note: 'ü\u001B' }] };
    const url = await serve((_request, response) => answer(response, 200, body));
    const { stdout } = await runCommand(['lane', '--json'], { env: { DAYBOOK_URL: url } });
    expect(stdout).toBe(`${JSON.stringify(body)}\n`);
  });

  it('another program at the address is told apart from a server that refuses', async () => {
    const url = await serve((request, response) => {
      if (request.url?.includes('lanes'))
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      else response.writeHead(404).end('not here');
    });
    for (const command of ['lane', 'queue']) {
      const { code, stderr } = await runCommand([command], { env: { DAYBOOK_URL: url } });
      expect(stderr).toContain('not as a Daybook server does');
      expect(code).toBe(3);
    }
  });

  it('a connection that breaks off during a change says that the outcome is not known', async () => {
    const url = await serve((request) => request.socket.destroy());
    const { code, stderr } = await runCommand(['cancel', '5'], { env: { DAYBOOK_URL: url } });
    expect(stderr).toContain('Whether the change was made is not known');
    expect(code).toBe(3);
  });

  it.each([
    [413, 'client_max_body_size'],
    [429, 'asked too often'],
  ])('a proxy that answers %i for the server is taken for one', async (status, words) => {
    const url = await serve((_request, response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>Too much</h1>');
    });
    const { stderr, code } = await runCommand(['cancel', '5'], { env: { DAYBOOK_URL: url } });
    expect(stderr).toContain(`${url} answers ${status}`);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('Is the address right?');
    expect(code).toBe(1);
  });

  it('a name never becomes another path', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.url);
      answer(response, 200, { key: '', capacity: 1, taken: 0 });
    });
    await runCommand(['lane', 'set', 'a/b?c', '1'], { env: { DAYBOOK_URL: url } });
    const { code } = await runCommand(['lane', 'set', '..', '1'], { env: { DAYBOOK_URL: url } });
    expect(code).toBe(2);
    expect(seen).toEqual(['/api/v1/lanes/a%2Fb%3Fc']);
  });

  it('one refused job does not keep the others from being cancelled', async () => {
    const url = await serve((request, response) => {
      if (request.url?.includes('/1/'))
        answer(response, 409, { code: 'conflict', message: 'It has ended.', details: [] });
      else answer(response, 202, jobWith({ id: 2, state: 'cancelled', message: null }));
    });
    const { code, stdout, stderr } = await runCommand(['cancel', '1', '2'], { env: { DAYBOOK_URL: url } });
    expect(stdout).toBe('Job 2 is cancelled\n');
    expect(stderr).toBe('daybook: It has ended.\n');
    expect(code).toBe(1);
  });

  it('a name in a list cannot write to the terminal by itself', async () => {
    const item = jobWith({
      name: 'a\u001B]0;b\u0007\nc',
      kind: 'script',
      queue: 'q',
      owner: 'o',
      submittedAt: 0,
    });
    const url = await serve((_request, response) => answer(response, 200, { items: [item], cursor: null }));
    const { stdout } = await runCommand(['jobs'], { env: { DAYBOOK_URL: url } });
    expect(stdout).toContain('a␛]0;b␇ c');
    expect(stdout).not.toContain('\u001B');
  });
});

describe('waiting', () => {
  it('goes on while the server is away, and ends with the job', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked += 1;
      if (asked === 1) answer(response, 200, jobWith({ state: 'running' }));
      else if (asked === 2) request.socket.destroy();
      else if (asked === 3) answer(response, 503, { code: 'stopping', message: '', details: [] });
      else answer(response, 200, jobWith({ state: 'succeeded' }));
    });
    const signal = new AbortController().signal;
    const job = await waitForJob(createTestContext(), testClient(url), '/jobs/5', { signal });
    expect(job?.state).toBe('succeeded');
    expect(asked).toBe(4);
  });

  it('at a terminal shows how far it is in one line, elsewhere nothing', async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked += 1;
      const progress = { fraction: 0.42, message: 'step 3', at: '2026-01-01T00:00:00Z' };
      answer(response, 200, jobWith(asked % 2 === 1 ? { progress } : { state: 'succeeded' }));
    });
    const signal = new AbortController().signal;
    for (const [isTerminal, expected] of [
      [true, '\r\u001B[KJob 5: running 42 % (step 3)\r\u001B[K'],
      [false, ''],
    ] as const) {
      const context = createTestContext({ isTerminal });
      await waitForJob(context, testClient(url), '/jobs/5', { signal });
      await expect.poll(() => context.written.stderr).toBe(expected);
    }
  });

  it('a refusal ends the waiting', async () => {
    const url = await serve((_request, response) =>
      answer(response, 401, { code: 'not_authenticated', message: 'no', details: [] }),
    );
    const signal = new AbortController().signal;
    await expect(waitForJob(createTestContext(), testClient(url), '/jobs/5', { signal })).rejects.toThrow(
      'no',
    );
  });
});

describe('following', () => {
  it('reads each attempt once, also when the retry was over before one could look', async () => {
    const opened: string[] = [];
    const url = await serve((request, response) => {
      const address = request.url ?? '';
      if (!address.includes('/live')) {
        answer(response, 200, jobWith({ state: 'succeeded', attempt: 2 }));
        return;
      }
      const attempt = address.endsWith('attempt=2') ? 2 : 1;
      opened.push(`${attempt} ${String(request.headers['last-event-id'] ?? '')}`);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const piece = (text: string, id: string): string =>
        `event: output\nid: ${id}\ndata: ${JSON.stringify({ stream: 'stdout', kind: 'text', at: '', text })}\n\n`;
      const end = `event: end\ndata: {"state":"queued","attempt":${attempt}}\n\n`;
      if (attempt === 2) response.end(piece('two', '3-0-0') + end);
      else if (request.headers['last-event-id'] === '3-0-0') response.end(piece('!', '4-0-0') + end);
      else response.end(piece('one', '3-0-0'));
    });
    const seen: string[] = [];
    const job = await followJob(createTestContext(), testClient(url), '/jobs/5', {
      attempt: 1,
      onPiece: async ({ text }) => {
        seen.push(text);
      },
    });
    expect(seen).toEqual(['one', '!', 'two']);
    expect(opened).toEqual(['1 ', '1 3-0-0', '2 ']);
    expect(job?.state).toBe('succeeded');
  });

  it('Ctrl-C leaves the job alone and says how to cancel it', async () => {
    const url = await serve((request, response) => {
      if (request.method === 'POST')
        return answer(response, 201, jobWith({ id: 5, state: 'queued', attempt: 0 }));
      if (!request.url?.includes('/live')) return answer(response, 200, jobWith({}));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n');
      context.interrupt();
    });
    const context = createTestContext({ env: { DAYBOOK_URL: url } });
    const { runCli } = await import('./run.ts');
    expect(await runCli(['submit', '--follow', 'x.sh'], context)).toBe(130);
    await expect
      .poll(() => context.written.stderr)
      .toContain('Job 5 goes on. To cancel it: daybook cancel 5');
    expect(context.written.stdout).toBe('');
  });
});

describe('toExitCode', () => {
  it.each([
    ['succeeded', [0], 0],
    ['failed', [1, 7], 7],
    ['failed', [137], 137],
    ['failed', [], 1],
    ['cancelled', [], 143],
    ['cancelled', [7], 143],
    ['finished', [], 0],
    ['failed', [124, null], 124],
  ] as const)('%s after %j: %d', (state, retcodes, code) => {
    expect(
      toExitCode(
        state,
        retcodes.map((retcode) => ({ retcode })),
      ),
    ).toBe(code);
  });
});
