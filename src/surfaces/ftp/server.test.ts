import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silentLogger } from '../../lib/logger.ts';
import type { FtpServices } from './ports.ts';
import { FtpServer } from './server.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

it('a server that nobody uses leaves nothing behind that would keep its process', async () => {
  const server = new FtpServer({
    doors: [{ host: '127.0.0.1', port: 0, isImplicitTls: false, onTaken: () => null }],
    sessions: 1,
    sessionsPerAddress: 1,
    services: { tls: null } as FtpServices,
    logger: silentLogger,
  });
  await server.start();
  expect(server.doors).toHaveLength(1);
  await server.stop();
  expect(vi.getTimerCount()).toBe(0);
});
