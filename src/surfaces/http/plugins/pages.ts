import fastifyStatic from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { App } from '../access.ts';
import { plainPage } from '../plain-page.ts';

/** Answers with the page that every address of a browser begins with; the rest is decided there. */
export type SendPage = (reply: FastifyReply) => Promise<FastifyReply>;

const notBuilt = plainPage(
  'Pages are missing',
  `<h1>Daybook is running, but its pages are not built</h1>
<p>Run <code>npm run build</code> once; <code>npm start</code> does so by itself. The API, the command line and older clients work without them.</p>
<nav><a href="/api/docs">API reference</a></nav>`,
);

/**
 * Serves what `npm run build` made: `/assets/*`, whose names change with their content, and the page itself, which is
 * asked for anew each time, so that nobody keeps the page of an earlier version.
 */
export async function addPages(app: App, directory: string): Promise<SendPage> {
  const assets = join(directory, 'assets');
  if (existsSync(assets)) {
    await app.register(async (files) => {
      files.addHook('onRoute', (route) => {
        route.config = { ...route.config, access: 'pages.read' };
        route.schema = { ...route.schema, hide: true };
      });
      await files.register(fastifyStatic, {
        root: assets,
        prefix: '/assets/',
        preCompressed: true,
        cacheControl: false,
        setHeaders: (reply, path) => {
          const isNamedByContent = /-[\w-]{8}\.[a-z0-9.]+$/.test(path);
          reply.header(
            'cache-control',
            isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache',
          );
        },
      });
    });
  }
  const page = join(directory, 'index.html');
  // Read each time: pages may be built anew while the server runs, and what an old one names is then gone.
  const send: SendPage = async (reply) => {
    const html = await readFile(page).catch(() => notBuilt);
    return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(html);
  };
  app.get('/', {
    config: { access: 'pages.read' },
    schema: { operationId: 'readHome', tags: ['pages'], summary: 'Page: the diary' },
    handler: async (_request, reply) => send(reply),
  });
  return send;
}

/** A browser went to an address; programs, and what a page asks for by itself, do not take HTML. */
export function wantsPage({ method, url, headers }: FastifyRequest): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  if (/^\/(api|task|assets|healthz|readyz|metrics)(\/|$|\?)/.test(url)) return false;
  return headers.accept?.includes('text/html') ?? false;
}
