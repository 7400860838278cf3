import { describe, expect, it } from 'vitest';
import { addUser, admin, advance, app, ask, hourMs, useAccounts } from '../support/accounts.ts';

useAccounts();

const submit = { kind: 'script', input: { script: 'a.sh' } };
const nightly = { name: 'nightly', cron: '30 2 * * *', timezone: 'Europe/Berlin', submit };

describe('a schedule', () => {
  it('is made with what most people want by default, read, changed and removed', async () => {
    const ana = await addUser('ana');
    const made = await ask('POST', '/schedules', ana, nightly);
    expect(made).toMatchObject({
      status: 201,
      headers: { location: '/api/v1/schedules/nightly' },
      body: {
        overlap: 'skip',
        missed: 'once',
        owner: 'ana',
        nextAt: '2026-03-02T01:30:00.000Z',
        lastRun: null,
        submit: { kind: 'script', input: { script: 'a.sh', arguments: [] }, queue: 'default' },
      },
    });
    expect(
      (await ask('PATCH', '/schedules/nightly', ana, { cron: '@hourly', note: 'why' })).body,
    ).toMatchObject({
      nextAt: '2026-03-01T13:00:00.000Z',
      note: 'why',
      timezone: 'Europe/Berlin',
    });
    expect((await ask('GET', '/schedules', ana)).body.items).toHaveLength(1);
    expect((await ask('DELETE', '/schedules/nightly', ana)).status).toBe(204);
    expect((await ask('GET', '/schedules/nightly', ana)).status).toBe(404);
    const actions = (await ask('GET', '/audit', admin)).body.items.map(
      ({ action }: { action: string }) => action,
    );
    expect(actions).toEqual(
      expect.arrayContaining(['schedules.remove', 'schedules.change', 'schedules.add']),
    );
  });

  it('is next due outside its blackouts', async () => {
    const blackouts = [{ days: ['mon', 'tue'], from: '00:00', until: '12:00' }];
    expect((await ask('POST', '/schedules', admin, { ...nightly, blackouts })).body.nextAt).toBe(
      '2026-03-04T01:30:00.000Z',
    );
  });

  it('of the server’s zone needs not name it', async () => {
    const { timezone: _, ...plain } = nightly;
    expect((await ask('POST', '/schedules', admin, plain)).body.timezone).toBe('UTC');
  });

  it('is changed and run by its owner and by operators, seen by viewers', async () => {
    const [ana, bo, olga] = [await addUser('ana'), await addUser('bo'), await addUser('olga', 'operator')];
    const vera = await addUser('vera', 'viewer');
    await ask('POST', '/schedules', ana, nightly);
    expect((await ask('GET', '/schedules/nightly', vera)).status).toBe(200);
    expect((await ask('POST', '/schedules', vera, { ...nightly, name: 'hers' })).status).toBe(403);
    for (const [method, path] of [
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/run'],
    ] as const) {
      const body = method === 'PATCH' ? { note: 'x' } : undefined;
      expect((await ask(method, `/schedules/nightly${path}`, bo, body)).status).toBe(403);
    }
    const ran = await ask('POST', '/schedules/nightly/run', olga);
    expect(ran).toMatchObject({ status: 201, body: { outcome: 'submitted', by: 'olga', job: { id: 1 } } });
    expect((await ask('GET', '/jobs/1', vera)).body).toMatchObject({
      owner: 'ana',
      tags: ['schedule:nightly'],
    });
    expect((await ask('GET', '/schedules/nightly/runs', vera)).body.items).toHaveLength(1);
  });

  it.each([
    [{ cron: '0 0 30 2 *' }, 'cron'],
    [{ timezone: 'Europe/Nowhere' }, 'timezone'],
    [{ name: 'two words' }, 'name'],
    [{ blackouts: [{ days: ['mon'], from: '25:00', until: '06:00' }] }, 'blackouts.0'],
    [{ submit: { kind: 'script', input: { script: 'a/b' } } }, 'submit.input.script'],
    [{ submit: { ...submit, runAt: '2026-12-01T00:00:00Z' } }, 'submit'],
    [{ submit: { ...submit, files: [{ file: 'a'.repeat(26), name: 'mesh.msh' }] } }, 'submit'],
    [{ submit: { kind: 'nothing', input: {} } }, 'submit.kind'],
    [{ submit: { ...submit, env: { KEY: { secret: 'unknown' } } } }, 'submit.env.KEY'],
  ])('with %o is refused by the name of the field', async (change, field) => {
    const { status, body } = await ask('POST', '/schedules', admin, { ...nightly, ...change });
    expect(status).toBe(400);
    expect(body.details[0].field).toMatch(field);
    expect((await ask('GET', '/schedules', admin)).body.items).toEqual([]);
  });
});

it('a rule is previewed before it is made', async () => {
  const vera = await addUser('vera', 'viewer');
  const { timezone, cron } = nightly;
  const { status, body } = await ask('POST', '/schedules/preview', vera, { cron, timezone, count: 3 });
  expect([status, body.next.length]).toEqual([200, 3]);
  expect(body.clockChanges.map(({ minutes }: { minutes: number }) => minutes)).toEqual([60, -60]);
  expect((await ask('POST', '/schedules/preview', vera, { cron: 'x' })).body.details[0].field).toBe('cron');
});

it('a crontab is imported line by line, and each line is answered for', async () => {
  await app.inject({
    method: 'PUT',
    url: '/api/v1/scripts/backup.sh',
    headers: { ...admin, 'content-type': 'application/json' },
    payload: JSON.stringify({ text: '#!/bin/sh\n' }),
  });
  const crontab = [
    'CRON_TZ=Europe/Madrid',
    'LEVEL=9',
    '0 3 * * * /opt/jobs/backup.sh --to "/srv/two words"',
    '0 4 * * * backup.sh%from stdin',
    '0 5 * * * unknown.sh',
    '0 6 * * * backup.sh | mail me',
    '0 0 30 2 * backup.sh',
  ].join('\n');
  const expected = [
    { line: 3, name: 'backup.sh', problem: null },
    { line: 4, name: 'backup.sh-2', problem: null },
    { line: 5, name: null, problem: expect.stringContaining('no script "unknown.sh"') },
    { line: 6, name: null, problem: expect.stringContaining('needs a shell') },
    { line: 7, name: null, problem: expect.stringContaining('never due') },
  ];
  const dry = await ask('POST', '/schedules/import', admin, { crontab, dryRun: true });
  expect(dry.body.items).toMatchObject(expected);
  expect((await ask('GET', '/schedules', admin)).body.items).toEqual([]);
  expect((await ask('POST', '/schedules/import', admin, { crontab })).body.items).toMatchObject(expected);
  const [first, second] = (await ask('GET', '/schedules', admin)).body.items;
  expect(first).toMatchObject({
    timezone: 'Europe/Madrid',
    submit: {
      input: { script: 'backup.sh', arguments: [['', '--to "/srv/two words"']] },
      env: { LEVEL: '9' },
    },
  });
  expect(second.submit.stdin).toBe('from stdin\n');
});

it('the timeline has what became of past moments and what is to come', async () => {
  await ask('POST', '/schedules', admin, { ...nightly, cron: '@hourly', timezone: 'UTC' });
  await ask('POST', '/schedules', admin, { ...nightly, name: 'asleep', paused: true });
  await ask('POST', '/schedules/nightly/run', admin);
  advance(hourMs);
  const { body } = await ask('GET', '/schedules/timeline?hoursBack=2&hoursAhead=3', admin);
  expect(body).toMatchObject({
    from: '2026-03-01T11:00:00.000Z',
    until: '2026-03-01T16:00:00.000Z',
    items: [
      { name: 'asleep', past: [], coming: [] },
      {
        name: 'nightly',
        past: [{ outcome: 'submitted' }],
        coming: ['2026-03-01T14:00:00.000Z', '2026-03-01T15:00:00.000Z', '2026-03-01T16:00:00.000Z'],
      },
    ],
  });
});
