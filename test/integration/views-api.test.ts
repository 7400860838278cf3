import { describe, expect, it } from 'vitest';
import { addUser, admin, app, ask, useAccounts, type Headers } from '../support/accounts.ts';

useAccounts();

async function put(url: string, headers: Headers, payload: object) {
  const answer = await app.inject({ method: 'PUT', url: `/api/v1/views/${url}`, headers, payload });
  return { status: answer.statusCode, body: answer.json() };
}

const list = async (headers: Headers): Promise<string[]> =>
  (await ask('GET', '/views', headers)).body.items.map(
    ({ owner, name, filter }: Record<string, string>) => `${owner}/${name}: ${filter}`,
  );

describe('a saved view', () => {
  it('is kept and replaced under its name, case ignored, and removed', async () => {
    const ana = await addUser('ana');
    expect((await put('My%20crashes', ana, { filter: 'crash is:mine' })).body).toMatchObject({
      shared: false,
      owner: 'ana',
    });
    expect((await put('my%20CRASHES', ana, { filter: 'crash' })).status).toBe(200);
    expect(await list(ana)).toEqual(['ana/my CRASHES: crash']);
    expect((await ask('DELETE', '/views/my%20crashes', ana)).status).toBe(204);
    expect((await ask('DELETE', '/views/my%20crashes', ana)).status).toBe(404);
    expect(await list(ana)).toEqual([]);
  });

  it('whose filter cannot be read is refused', async () => {
    const { status, body } = await put('bad', admin, { filter: 'stat:failed' });
    expect([status, body.details]).toEqual([
      400,
      [{ field: 'filter', message: expect.stringMatching(/did you mean state/) }],
    ]);
    expect(await list(admin)).toEqual([]);
  });

  it('is seen by others when it is shared, and changed by its owner and by operators only', async () => {
    const [ana, bo, olga] = [await addUser('ana'), await addUser('bo'), await addUser('olga', 'operator')];
    await put('inbox', ana, { filter: 'is:ended -analysis:*', shared: true });
    await put('own', ana, { filter: 'is:mine' });
    expect(await list(bo)).toEqual(['ana/inbox: is:ended -analysis:*']);
    expect((await put('inbox?owner=ana', bo, { filter: 'x' })).status).toBe(403);
    expect((await ask('DELETE', '/views/inbox?owner=ana', bo)).status).toBe(403);
    expect((await put('own?owner=ana', olga, { filter: 'x' })).status).toBe(404);
    expect((await put('inbox?owner=ANA', olga, { filter: 'is:ended', shared: true })).body.owner).toBe('ana');
    expect(await list(bo)).toEqual(['ana/inbox: is:ended']);
    const audit = (await ask('GET', '/audit', admin)).body.items as { actor: string; action: string }[];
    expect(audit[0]).toMatchObject({
      actor: 'olga',
      action: 'views.put',
      target: 'inbox',
      details: { owner: 'ana' },
    });
  });

  it('is not for viewers to make', async () => {
    const vera = await addUser('vera', 'viewer');
    expect((await put('mine', vera, { filter: '' })).status).toBe(403);
    expect((await ask('GET', '/views', vera)).status).toBe(200);
  });
});
