import { describe, expect, it } from 'vitest';
import { addUser, admin, ask, useAccounts } from '../support/accounts.ts';

useAccounts();

describe('the facts of the server', () => {
  it('are told to admins: process, database, disks and settings', async () => {
    const { status, body } = await ask('GET', '/server', admin);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      pid: process.pid,
      runtime: `Node ${process.version}`,
      timezone: 'UTC',
      database: { isEmbedded: true, problems: expect.any(Array) },
      worker: null,
      settings: expect.arrayContaining([{ name: 'DAYBOOK_PORT', value: '8000', origin: 'default' }]),
    });
    expect(body.database.sizeBytes).toBeGreaterThan(0);
    expect(body.disks).toMatchObject([
      { name: 'data', freeBytes: null, totalBytes: null },
      { name: 'home', freeBytes: expect.any(Number) },
    ]);
  });

  it('are kept from everybody else', async () => {
    expect((await ask('GET', '/server', await addUser('op', 'operator'))).status).toBe(403);
  });
});

describe('the name that others see', () => {
  it('is changed by its owner, and nothing else is', async () => {
    const ana = await addUser('ana', 'viewer');
    const changed = await ask('PATCH', '/me', ana, { displayName: 'Ana Lima' });
    expect([changed.status, changed.body]).toMatchObject([
      200,
      { name: 'ana', displayName: 'Ana Lima', role: 'viewer' },
    ]);
    expect((await ask('PATCH', '/me', ana, { displayName: 'x', role: 'admin' })).status).toBe(400);
    expect((await ask('GET', '/me', ana)).body.user).toMatchObject({
      displayName: 'Ana Lima',
      role: 'viewer',
    });
    const { body } = await ask('GET', '/audit?action=users.change', admin);
    expect(body.items).toMatchObject([{ actor: 'ana', target: 'ana', details: { displayName: 'Ana Lima' } }]);
  });
});
