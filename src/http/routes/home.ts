import type { App } from '../access.ts';
import { plainPage } from '../plain-page.ts';

function body(address: string): string {
  return `<h1>Daybook is running</h1>
<p>Jobs come and go by the API, the command line and the calls of the remote executor.</p>
<nav><a href="/api/docs">API reference</a><a href="/task/charts/daily">Tasks per day</a><a href="/task/charts/disk">Free disk space</a></nav>
<h2>Submit a script, and see what it prints</h2>
<pre>bin/daybook.js submit --follow ls.sh -la</pre>
<h2>The same by curl, as older clients do it</h2>
<pre>curl -u admin -H 'Content-Type: application/json' \\
  -d '{"script": "ls.sh", "arguments": {"-la": ""}}' \\
  ${address}/task/create</pre>`;
}

/** What somebody sees who opens the address in a browser. */
export function registerHomeRoutes(app: App): void {
  app.get('/', {
    config: { access: 'pages.read' },
    schema: { operationId: 'readHome', tags: ['pages'], summary: 'Page: where to go from here' },
    handler: async (request, reply) =>
      reply.type('text/html; charset=utf-8').send(plainPage('Welcome', body(addressOf(request)))),
  });
}

/** The address the reader came by. The Host header was checked, and can hold nothing that HTML would take amiss. */
function addressOf({ protocol, host }: { protocol: string; host: string }): string {
  return `${protocol}://${host.replaceAll(/[^A-Za-z0-9.:[\]-]/g, '')}`;
}
