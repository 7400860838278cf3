import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticator } from '../../src/domain/accounts/ports.ts';
import type { App } from '../../src/surfaces/http/access.ts';
import { createHttpServer } from '../../src/surfaces/http/server.ts';

const asBrowser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

async function serve(pagesDirectory: string): Promise<App> {
  const accounts = {} as Authenticator;
  return createHttpServer({
    trustProxy: false,
    publicUrl: null,
    host: 'localhost',
    accounts,
    pagesDirectory,
  });
}

describe('built pages', () => {
  let directory: string;
  let app: App;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'daybook-pages-'));
    mkdirSync(join(directory, 'assets'));
    writeFileSync(join(directory, 'index.html'), '<title>The page</title>');
    writeFileSync(join(directory, 'assets/index-Ab3_-x9Z.js'), 'export {};');
    writeFileSync(join(directory, 'assets/favicon.svg'), '<svg/>');
    app = await serve(directory);
  });
  afterEach(async () => {
    await app.close();
    rmSync(directory, { recursive: true });
  });

  it('a browser gets the page at every address that nothing else answers', async () => {
    for (const url of ['/', '/jobs/17', '/queues?x=1']) {
      const answer = await app.inject({ url, headers: asBrowser });
      expect([url, answer.statusCode, answer.body]).toEqual([url, 200, '<title>The page</title>']);
      expect(answer.headers['cache-control']).toBe('no-cache');
    }
  });

  it('programs, other methods and the addresses of the API still hear that there is nothing', async () => {
    expect((await app.inject({ url: '/jobs/17' })).statusCode).toBe(404);
    expect((await app.inject({ url: '/api/v1/nothing', headers: asBrowser })).statusCode).toBe(404);
    expect((await app.inject({ url: '/assets/nothing.js', headers: asBrowser })).statusCode).toBe(404);
    const posted = await app.inject({ method: 'POST', url: '/jobs/17', headers: asBrowser });
    expect(posted.statusCode).toBe(404);
    expect(posted.json()).toMatchObject({ code: 'not_found' });
  });

  it('what is named by its content is kept for good, the rest is asked for each time', async () => {
    const named = await app.inject({ url: '/assets/index-Ab3_-x9Z.js' });
    expect(named.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const other = await app.inject({ url: '/assets/favicon.svg' });
    expect(other.headers['cache-control']).toBe('no-cache');
  });

  it('nothing outside of the assets can be read', async () => {
    for (const url of ['/assets/../index.html', '/assets/%2e%2e/index.html', '/assets/..%2findex.html']) {
      const answer = await app.inject({ url });
      expect(answer.body, url).not.toContain('The page');
    }
  });
});

it('without built pages the server says how to build them', async () => {
  const app = await serve(join(tmpdir(), 'daybook-no-pages'));
  const answer = await app.inject({ url: '/', headers: asBrowser });
  await app.close();
  expect(answer.statusCode).toBe(200);
  expect(answer.body).toContain('npm run build');
});
