import { connect, createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { roles } from '../../src/contract/actor.ts';
import { AppError } from '../../src/contract/errors.ts';
import { can, tokenScopes } from '../../src/contract/permissions.ts';
import { registerRoutes } from '../../src/app/routes.ts';
import { registerHealthRoutes } from '../../src/surfaces/http/routes/health.ts';
import { createHttpService } from '../../src/surfaces/http/service.ts';
import {
  createApp,
  createAppWithEcho,
  echo,
  good,
  json,
  member,
  principal,
  useApps,
} from '../support/http.ts';
import { createTestProduct, noDatabase } from '../support/product.ts';

useApps();

describe('access', () => {
  it.each([false, true])(
    'holds every route, method, role and scope to the permission table, predecessors open: %s',
    async (openPredecessors) => {
      const app = await createApp({ rateLimits: { refusedPerMinute: 1_000_000 } });
      app.addHook('onRequest', async (_request, reply) => reply.code(299).send());
      const env = { DAYBOOK_OPEN_PREDECESSORS: String(openPredecessors) };
      registerRoutes(app, createTestProduct(noDatabase, { env }), null);
      await app.ready();
      const routes = app.routeTable();
      expect(routes.map(({ method, url }) => `${method} ${url}`)).toContain('HEAD /healthz');
      for (const { method, url, access } of routes) {
        const request = { method: method as 'GET', url: url.replaceAll(/:\w+/g, '1').replace('*', 'x') };
        const anonymous = await app.inject(request);
        expect(anonymous.statusCode, `${method} ${url} nobody`).toBe(can(null, access) ? 299 : 401);
        for (const role of roles) {
          for (const scope of tokenScopes) {
            const answer = await app.inject({
              ...request,
              headers: { authorization: `Bearer ${role}.${scope}` },
            });
            const expected = can(principal(role, scope), access) ? 299 : 403;
            expect(answer.statusCode, `${method} ${url} ${role} ${scope}`).toBe(expected);
          }
        }
      }
    },
  );

  it('stops the start when a route names no permission, and says which', async () => {
    const app = await createApp();
    app.get('/forgotten', async () => 'open to all');
    await expect(app.ready()).rejects.toThrow('GET /forgotten');
  });

  it('says to nobody 401 with a challenge, to a viewer 403 with what it needs', async () => {
    const app = await createAppWithEcho();
    const nobody = await app.inject({ ...echo, headers: json, payload: '{}' });
    expect([nobody.statusCode, nobody.json().code]).toEqual([401, 'not_authenticated']);
    expect(nobody.headers['www-authenticate']).toBe('Bearer realm="Daybook"');
    const viewer = await app.inject({
      ...echo,
      headers: { authorization: 'Bearer viewer.all' },
      payload: good,
    });
    expect([viewer.statusCode, viewer.json().code]).toEqual([403, 'forbidden']);
    expect(viewer.json().message).toContain('member');
  });

  it('never falls back to the cookie when the Authorization header is wrong', async () => {
    const app = await createAppWithEcho();
    const headers = { authorization: 'Bearer wrong', cookie: 'daybook_session_80=member.all' };
    expect((await app.inject({ ...echo, headers, payload: good })).statusCode).toBe(401);
  });

  it.each(['Bearer wrong', 'Basic bGFiOnBhc3N3b3Jk', 'Negotiate x'])(
    'says that %s hides the session, and only where there is one',
    async (authorization) => {
      const app = await createAppWithEcho();
      const ask = async (headers: Record<string, string>): Promise<string> =>
        (await app.inject({ ...echo, headers, payload: good })).json<{ message: string }>().message;
      expect(await ask({ authorization, cookie: 'daybook_session_80=member.all' })).toContain(
        'proxy_set_header Authorization ""',
      );
      expect(await ask({ authorization })).not.toContain('session');
    },
  );

  it('answers 429 to an address that is refused too often, and still serves who is known there', async () => {
    const app = await createAppWithEcho({ rateLimits: { refusedPerMinute: 2 } });
    const ask = (headers: Record<string, string>) => app.inject({ url: '/api/v1/things/1', headers });
    expect((await ask({})).statusCode).toBe(401);
    expect((await ask({})).statusCode).toBe(401);
    const third = await ask({});
    expect([third.statusCode, third.json().code]).toEqual([429, 'too_many_requests']);
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask(member)).statusCode).toBe(200);
  });
});

describe('errors', () => {
  it('names each wrong, missing and unknown field with its path', async () => {
    const app = await createAppWithEcho();
    const payload = { retry: { on: ['exit', 'rain'], of: 1 }, nmae: 'x' };
    const answer = await app.inject({ ...echo, headers: member, payload });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'invalid_input' });
    expect(answer.json().details).toEqual(
      expect.arrayContaining([
        { field: 'name', message: 'This field is required.' },
        { field: 'retry.on.1', message: expect.stringContaining('exit') },
        { field: 'retry.of', message: 'There is no such field.' },
        { field: 'nmae', message: 'There is no such field.' },
      ]),
    );
  });

  it.each([
    ['text that is no JSON', '{"name":', 400, 'invalid_input', 'not valid JSON'],
    ['a member __proto__', '{"__proto__":{"admin":true}}', 400, 'invalid_input', '__proto__'],
    ['a nested member __proto__', '{"a":[{"__proto__":1}]}', 400, 'invalid_input', '__proto__'],
    [
      'a hundred thousand brackets',
      '['.repeat(100_000) + ']'.repeat(100_000),
      400,
      'invalid_input',
      'nested',
    ],
    ['a body beyond the limit', JSON.stringify('x'.repeat(1024 * 1024)), 413, 'payload_too_large', '1048576'],
    ['no body', '', 400, 'invalid_input', 'body'],
  ])('answers %s with one clear error', async (_what, payload, status, code, part) => {
    const app = await createAppWithEcho();
    const answer = await app.inject({ ...echo, headers: { ...member, ...json }, payload });
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect(answer.json().message).toContain(part);
    expect(Object.getPrototypeOf({})).not.toHaveProperty('admin');
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', undefined])(
    'takes no body of type %s',
    async (type) => {
      const app = await createAppWithEcho();
      const headers = type === undefined ? member : { ...member, 'content-type': type };
      const answer = await app.inject({ ...echo, headers, payload: Buffer.from('name=a') });
      expect([answer.statusCode, answer.json().code]).toEqual([415, 'unsupported_media_type']);
    },
  );

  it('tells an unknown address from an unknown method', async () => {
    const app = await createAppWithEcho();
    const unknown = await app.inject({ url: '/api/v1/nothing?x=1' });
    expect([unknown.statusCode, unknown.json().code]).toEqual([404, 'not_found']);
    const method = await app.inject({ method: 'PUT', url: '/api/v1/things/7?x=1' });
    expect([method.statusCode, method.json().code]).toEqual([405, 'method_not_allowed']);
    expect(method.headers['allow']).toBe('GET, HEAD, DELETE');
  });

  it('keeps what went wrong inside to the log, under the request id', async () => {
    const app = await createApp();
    app.get('/boom', {
      config: { access: 'health.read' },
      handler: async () => {
        throw new Error('the password is 1234');
      },
    });
    const answer = await app.inject({ url: '/boom', headers: { 'x-request-id': 'mine-1' } });
    expect([answer.statusCode, answer.json().code]).toEqual([500, 'internal']);
    expect(answer.body).not.toContain('1234');
    expect(answer.json().message).toContain('mine-1');
    expect(answer.headers['x-request-id']).toBe('mine-1');
  });

  it('takes a request id only when it is short and plain', async () => {
    const app = await createAppWithEcho();
    for (const given of ['a'.repeat(65), 'x"y', '{"level":50}']) {
      const answer = await app.inject({ url: '/healthz', headers: { 'x-request-id': given } });
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('tells when to try again while the database is away', async () => {
    const app = await createApp();
    const unavailable = new AppError('database_unavailable', 'The database does not answer.');
    const readiness = [
      { name: 'database', check: () => Promise.reject(unavailable) },
      { name: 'queue', check: async () => {} },
    ];
    registerHealthRoutes(app, { readiness });
    const answer = await app.inject({ url: '/readyz' });
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'database_unavailable']);
    expect(answer.json().details).toEqual([{ field: 'database', message: 'Does not answer.' }]);
    expect(answer.headers['retry-after']).toBe('2');
    expect((await app.inject({ url: '/healthz' })).json()).toEqual({ status: 'alive' });
  });

  it('lets a plugin answer errors in its own form, those of checks and parsing included', async () => {
    const app = await createAppWithEcho();
    await app.register(async (predecessor) => {
      predecessor.setErrorHandler((error, _request, reply) => {
        const details = error instanceof AppError ? error.details : [];
        return reply.code(422).send({ reasons: details.map(({ field, message }) => [field, message]) });
      });
      predecessor.post('/task/create', {
        config: { access: 'jobs.submit' },
        schema: { body: z.object({ script: z.string() }) },
        handler: async () => 'never',
      });
    });
    const ask = (headers: object, payload: string) =>
      app.inject({ method: 'POST', url: '/task/create', headers: { ...json, ...headers }, payload });
    expect((await ask(member, '{}')).json()).toEqual({ reasons: [['script', 'This field is required.']] });
    expect((await ask(member, '{')).json()).toEqual({ reasons: [] });
    expect((await ask({}, '{}')).statusCode).toBe(422);
    expect((await app.inject({ ...echo, headers: member, payload: {} })).json().code).toBe('invalid_input');
  });

  it('answers an address that cannot be decoded with 400 in the one form', async () => {
    const app = await createAppWithEcho();
    const answer = await app.inject({ url: '/api/v1/things/%ff' });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_input']);
    const nul = await app.inject({ url: '/api/v1/things/a%00b', headers: member });
    expect([nul.statusCode, nul.json().code]).toEqual([400, 'invalid_input']);
  });
});

describe('API description', () => {
  it('describes every route of the API: id, tag, summary, all ids different', async () => {
    const app = await createApp();
    registerRoutes(app, createTestProduct(noDatabase), null);
    await app.ready();
    const document = (await app.inject({ url: '/api/v1/openapi.json' })).json();
    expect(document.openapi).toBe('3.1.0');
    const operations = Object.entries<Record<string, Record<string, unknown>>>(document.paths).flatMap(
      ([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
    );
    expect(operations.length).toBeGreaterThan(1);
    for (const { path, method, operation } of operations) {
      expect({ path, method, ...operation }).toMatchObject({
        operationId: expect.any(String),
        summary: expect.any(String),
        tags: [expect.any(String)],
      });
    }
    const ids = operations.map(({ operation }) => operation['operationId']);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('serves the reference page without anything from the network', async () => {
    const app = await createApp();
    await app.ready();
    const page = await app.inject({ url: '/api/docs/' });
    expect(page.statusCode).toBe(200);
    const script = await app.inject({ url: '/api/docs/static/swagger-initializer.js' });
    expect(script.body).toContain('/api/v1/openapi.json');
    expect(page.body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });
});

describe('listening and stopping', () => {
  it('names the port that is taken and the setting to change', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const service = createHttpService({
      app: await createApp(),
      host: '127.0.0.1',
      port,
      portIsDefault: false,
    });
    await expect(service.start()).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(new RegExp(`Port ${port} .*DAYBOOK_PORT`)),
    });
    await service.stop();
    await new Promise((resolve) => other.close(resolve));
  });

  it('refuses requests that come while it stops, and says when to try again', async () => {
    const app = await createAppWithEcho();
    app.beginStopping();
    const refused = await app.inject({ ...echo, headers: member, payload: good });
    expect([refused.statusCode, refused.json().code]).toEqual([503, 'stopping']);
    expect(refused.headers).toMatchObject({ connection: 'close', 'retry-after': '2' });
  });

  it('lets running requests end, ends streams, and closes idle connections', async () => {
    const app = await createApp();
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    app.get('/slow', {
      config: { access: 'health.read' },
      handler: async () => {
        entered.resolve();
        await release.promise;
        return { done: true };
      },
    });
    app.get('/stream', {
      config: { access: 'health.read' },
      handler: (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
        reply.raw.write('data: 1\n\n');
        app.onStopping(() => reply.raw.end('event: stopping\n\n'));
      },
    });
    registerRoutes(app, createTestProduct(noDatabase), null);
    const service = createHttpService({
      app,
      host: '127.0.0.1',
      port: 0,
      portIsDefault: true,
      graceMs: 3_600_000,
    });
    await service.start();
    const stream = await fetch(`${service.url()}/stream`);
    const slow = fetch(`${service.url()}/slow`);
    await (await fetch(`${service.url()}/healthz`)).text();
    await entered.promise;
    let stopped = false;
    const stop = service.stop().then(() => (stopped = true));
    expect(await stream.text()).toBe('data: 1\n\nevent: stopping\n\n');
    await setImmediate();
    expect(stopped).toBe(false);
    release.resolve();
    expect(await (await slow).json()).toEqual({ done: true });
    await stop;
    await service.stop();
  });

  it('cuts off what still runs when the grace is over', async () => {
    const app = await createApp();
    const entered = Promise.withResolvers<void>();
    app.get('/endless', {
      config: { access: 'health.read' },
      handler: () => {
        entered.resolve();
        return new Promise(() => {});
      },
    });
    const service = createHttpService({ app, host: '127.0.0.1', port: 0, portIsDefault: true, graceMs: 20 });
    await service.start();
    const endless = fetch(`${service.url()}/endless`).catch((error: unknown) => error);
    await entered.promise;
    await service.stop();
    expect(await endless).toBeInstanceOf(Error);
  });
});

describe('what is no request', () => {
  it.each([
    ['GET /healthz HTTP/1.1\r\nx: ' + 'y'.repeat(20_000) + '\r\n\r\n', '431', 'payload_too_large'],
    ['hello\r\n\r\n', '400', 'invalid_input'],
  ])('is answered in the form of every error, and the connection closed', async (text, status, code) => {
    const app = await createApp();
    const service = createHttpService({ app, host: '127.0.0.1', port: 0, portIsDefault: false });
    await service.start();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(service.url()).port), '127.0.0.1', () => socket.write(text));
      let received = '';
      socket.setEncoding('utf8').on('data', (piece: string) => (received += piece));
      socket.on('close', () => resolve(received)).on('error', reject);
    });
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({
      code,
      message: expect.stringMatching(/./),
    });
    await service.stop();
  });
});
