import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import fastify from 'fastify';
import { expect, it } from 'vitest';
import type { App } from './access.ts';
import { openEventStream } from './sse.ts';

/** @param arrived called while the answer is made @returns whether the stream has ended, and what is still to be ended */
async function openAfter(arrived: (leave: () => Promise<unknown>) => Promise<unknown>) {
  const server = fastify();
  const open = new Set<() => void>();
  const onStopping = (end: () => void): (() => void) => {
    open.add(end);
    return () => open.delete(end);
  };
  const opened = Promise.withResolvers<{ hasEnded: boolean; open: number }>();
  server.get('/', async (request, reply) => {
    await arrived(async () => {
      reader.destroy();
      await once(reply.raw, 'close');
    });
    const stream = openEventStream({ onStopping } as App, request, reply);
    opened.resolve({ hasEnded: stream.signal.aborted, open: open.size });
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const reader = connect(port, '127.0.0.1', () => reader.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'));
  try {
    return await opened.promise;
  } finally {
    for (const end of open) end();
    reader.destroy();
    await server.close();
  }
}

it('the stream of a reader that left while its answer was made has ended, and holds nothing', async () => {
  expect(await openAfter((leave) => leave())).toEqual({ hasEnded: true, open: 0 });
});

it('the stream of a reader that waits is open', async () => {
  expect(await openAfter(async () => {})).toEqual({ hasEnded: false, open: 1 });
});
