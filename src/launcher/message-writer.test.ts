import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDecoder } from './codec.ts';
import { createMessageWriter, type MessageWriter } from './message-writer.ts';

let folder = '';
let server: Server;
let socket: Socket;
let writer: MessageWriter;
const received: unknown[] = [];
let closed: Promise<unknown>;

beforeEach(async () => {
  received.length = 0;
  folder = mkdtempSync(join(tmpdir(), 'daybook-writer-'));
  const path = join(folder, 'socket');
  server = createServer().listen(path);
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  socket = connect(path);
  const [peer] = await accepted;
  const decoder = createDecoder((head) => received.push(head));
  peer.on('data', (bytes: Buffer) => decoder.push(bytes));
  closed = once(peer, 'close');
  writer = createMessageWriter(socket);
});

afterEach(async () => {
  socket.destroy();
  await closed;
  server.close();
  rmSync(folder, { recursive: true });
});

describe('a message that can wait', () => {
  it('goes before the next one, with it', async () => {
    writer.writeLater({ n: 1 });
    await delay(0);
    expect(received).toEqual([]);
    writer.write({ n: 2 });
    writer.writeLater({ n: 3 });
    await expect.poll(() => received).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('goes by itself when no other comes, again and again', async () => {
    for (const n of [1, 2]) {
      writer.writeLater({ n });
      await expect.poll(() => received.length).toBe(n);
    }
  });

  it('goes before the connection is closed', async () => {
    writer.writeLater({ n: 1 });
    socket.destroySoon();
    await closed;
    expect(received).toEqual([{ n: 1 }]);
  });
});
