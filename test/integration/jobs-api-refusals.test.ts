import { describe, expect, it } from 'vitest';
import { addUser, admin, app, ask, basic, database, useAccounts } from '../support/accounts.ts';

useAccounts();

const good = { kind: 'script', input: { script: 'a.sh' } };

async function countJobs(): Promise<number | undefined> {
  return (await database.db.query<{ n: number }>('select count(*) as n from jobs'))[0]?.n;
}

async function details(body: unknown): Promise<Record<string, string>> {
  const before = await countJobs();
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { ...admin, 'content-type': 'application/json' };
  const answer = await app.inject({ method: 'POST', url: '/api/v1/jobs', headers, payload });
  expect({ status: answer.statusCode, ...answer.json() }).toMatchObject({
    status: 400,
    code: 'invalid_input',
  });
  expect(await countJobs()).toBe(before);
  const list = answer.json<{ details: { field: string; message: string }[] }>().details;
  return Object.fromEntries(list.map(({ field, message }) => [field, message]));
}

describe('a submit is refused, stores nothing and names', () => {
  it.each<[string, object | string, string, RegExp]>([
    ['an unknown kind', { ...good, kind: 'dance' }, 'kind', /script/],
    ['a missing kind', { input: {} }, 'kind', /required|script/],
    ['an unknown member', { ...good, colour: 'red' }, 'colour', /no such field/],
    [
      'an unknown member of the input',
      { ...good, input: { script: 'a', cwd: '/' } },
      'input.cwd',
      /no such field/,
    ],
    ['a missing input', { kind: 'script' }, 'input', /required/],
    ['a missing script', { kind: 'script', input: {} }, 'input.script', /required/],
    ['a path as script', { kind: 'script', input: { script: '../a' } }, 'input.script', /bare name/],
    ['a script called ..', { kind: 'script', input: { script: '..' } }, 'input.script', /bare name/],
    ['a NUL in the script', { kind: 'script', input: { script: 'a\0' } }, 'input.script', /NUL/],
    [
      'an open quotation mark',
      withInput({ arguments: [['', `it's`]] }),
      'input.arguments.0.1',
      /quotation mark/,
    ],
    [
      'text in place of a pair',
      withInput({ arguments: ['shop'] }),
      'input.arguments.0',
      /^expected a list, got text$/,
    ],
    ['half a pair', withInput({ arguments: [['a']] }), 'input.arguments.0', /2 items/],
    ['a NUL in an argument', withInput({ arguments: [['', 'a\0']] }), 'input.arguments.0.1', /NUL/],
    ['a variable with =', withOptions({ env: { 'A=B': 'x' } }), 'env.A=B', /letters, digits/],
    ['a variable with an empty name', withOptions({ env: { '': 'x' } }), 'env.', /letters, digits/],
    [
      'a variable of ours',
      withOptions({ env: { DAYBOOK_JOB_ID: '1' } }),
      'env.DAYBOOK_JOB_ID',
      /set by the server/,
    ],
    ['a NUL in a variable', withOptions({ env: { A: '\0' } }), 'env.A', /NUL/],
    ['a variable that is a number', withOptions({ env: { A: 1 } }), 'env.A', /expected text/],
    ['a stdin that is no text', withOptions({ stdin: 7 }), 'stdin', /expected text/],
    ['a NUL in the workdir', withOptions({ workdir: 'a\0' }), 'workdir', /NUL/],
    ['too little memory', withOptions({ limits: { memoryBytes: 1 } }), 'limits.memoryBytes', /1048576/],
    ['a limit there is not', withOptions({ limits: { disk: 1 } }), 'limits.disk', /no such field/],
    ['a niceness that is none', withOptions({ nice: -1 }), 'nice', /0/],
    ['a queue in capitals', { ...good, queue: 'Big' }, 'queue', /lower-case/],
    ['an empty queue', { ...good, queue: '' }, 'queue', /lower-case/],
    ['an unknown queue', { ...good, queue: 'nowhere' }, 'queue', /no queue "nowhere"/],
    ['a NUL in the name', { ...good, name: 'a\0b' }, 'name', /NUL/],
    ['an empty name', { ...good, name: '  ' }, 'name', /text, got none/],
    ['too high a priority', { ...good, priority: 1001 }, 'priority', /1000/],
    ['half a priority', { ...good, priority: 0.5 }, 'priority', /whole number/],
    ['a label with a blank', { ...good, labels: ['a b'] }, 'labels.0', /letters/],
    ['a date that is none', { ...good, runAt: 'tomorrow' }, 'runAt', /date/i],
    ['a day that is none', { ...good, runAt: '2026-02-30T00:00:00Z' }, 'runAt', /date/i],
    ['a date without zone', { ...good, runAt: '2026-02-03T00:00:00' }, 'runAt', /date/i],
    ['a timeout of nothing', { ...good, timeoutSeconds: 0 }, 'timeoutSeconds', /more than 0/],
    ['an unknown cause', { ...good, retry: { on: ['bad luck'] } }, 'retry.on.0', /exit:<code>/],
    ['no attempt at all', { ...good, retry: { attempts: 0 } }, 'retry.attempts', /1/],
    ['a misspelt policy', { ...good, retry: { retries: 3 } }, 'retry.retries', /no such field/],
    ['tags that are no list', { ...good, tags: 'a' }, 'tags', /a list/],
    ['an empty key', { ...good, idempotencyKey: '' }, 'idempotencyKey', /text, got none/],
  ])('%s', async (_what, body, field, message) => {
    expect(await details(body)).toMatchObject({ [field]: expect.stringMatching(message) });
  });

  it('every wrong field at once', async () => {
    const body = {
      ...good,
      queue: 'A',
      priority: 'high',
      retry: { factor: 0 },
      x: 1,
      input: { script: '', y: 1 },
    };
    expect(Object.keys(await details(body)).toSorted()).toEqual(
      ['input.script', 'input.y', 'priority', 'queue', 'retry.factor', 'x'].toSorted(),
    );
  });

  it.each([
    '{"__proto__":{"admin":true},"kind":"script","input":{"script":"a.sh"}}',
    '{"kind":"script","input":{"script":"a.sh"},"env":{"__proto__":{"A":"1"}}}',
    '{"kind":"script","input":{"script":"a.sh","constructor":{"prototype":{"a":1}}}}',
    '{"kind":"script","input":',
    '[]',
    'null',
    '"script"',
  ])('a body such as %s', async (body) => {
    await details(body);
    expect(Reflect.get({}, 'admin')).toBeUndefined();
  });

  it.each([
    ['a first half of a character in the name', { ...good, name: '\ud800' }],
    ['a first half of a character in a tag', { ...good, tags: ['\ud800'] }],
    ['a first half of a character in an argument', withInput({ arguments: [['', 'a\ud800']] })],
    ['a NUL in stdin', withOptions({ stdin: 'a\0' })],
    ['a year before the calendar', { ...good, runAt: '0000-01-01T00:00:00Z' }],
    ['a year that is one before the calendar in UTC', { ...good, runAt: '0001-01-01T00:00:00+14:00' }],
    ['a year after the calendar in UTC', { ...good, runAt: '9999-12-31T23:59:59-14:00' }],
  ])('%s, which the database could not keep', async (_what, body) => {
    expect(Object.values(await details(body))).toEqual([
      expect.stringMatching(/half of a character|NUL|years/),
    ]);
  });
});

function withOptions(members: object): object {
  return { ...good, ...members };
}

function withInput(members: object): object {
  return { ...good, input: { script: 'a.sh', ...members } };
}

describe('a job', () => {
  it('answers 201 with its address and everything that was asked', async () => {
    const body = {
      ...good,
      input: {
        script: 'a.sh',
        arguments: [['-x', '1 2']],
      },
      env: { B: '2', A: '1' },
      stdin: 'in',
      workdir: 'w',
      limits: { memoryBytes: 2 ** 30, cpuSeconds: 1.5 },
      nice: 4,
      name: ' named ',
      project: '3001234',
      tags: ['a', 'b'],
      priority: 7,
      labels: ['gpu', 'big', 'gpu'],
      timeoutSeconds: 2.5,
      retry: { attempts: 3 },
      runAt: '2999-01-01T00:00:00+01:00',
    };
    const { status, body: job, headers } = await ask('POST', '/jobs', admin, body);
    expect([status, headers['location']]).toEqual([201, `/api/v1/jobs/${job.id}`]);
    expect(job).toMatchObject({
      ...body,
      name: 'named',
      labels: ['big', 'gpu'],
      state: 'scheduled',
      owner: 'admin',
      attempt: 0,
      retry: { attempts: 3, factor: 2 },
      runAt: '2998-12-31T23:00:00.000Z',
    });
    expect((await ask('GET', `/jobs/${job.uid}`, admin)).body).toEqual(job);
  });

  it('has a name made from its input unless it is given one', async () => {
    const input = { script: 'a.sh', arguments: [['--in', '"a b" c']] };
    expect((await ask('POST', '/jobs', admin, { kind: 'script', input })).body.name).toBe('a.sh --in a b c');
    const long = { script: 'a.sh', arguments: [['', 'x'.repeat(99_999)]] };
    expect((await ask('POST', '/jobs', admin, { kind: 'script', input: long })).body.name).toHaveLength(300);
  });

  it('with a long argument of characters outside the basic plane is stored, whatever its name is cut to', async () => {
    const input = { script: 'a.sh', arguments: [['', `${'x'.repeat(294)}${'😀'.repeat(10)}`]] };
    const answer = await ask('POST', '/jobs', admin, { kind: 'script', input });
    expect(answer).toMatchObject({ status: 201, body: { input: { arguments: input.arguments } } });
  });

  it('is found by number and by uid; 404 for unknown, 400 for what is neither', async () => {
    const { id, uid } = (await ask('POST', '/jobs', admin, good)).body;
    expect((await ask('GET', `/jobs/${id}`, admin)).body.uid).toBe(uid);
    expect((await ask('GET', `/jobs/${uid.toUpperCase()}`, admin)).body.id).toBe(id);
    for (const unknown of ['999999999', '9007199254740991', '00000000-0000-4000-8000-000000000000'])
      expect((await ask('GET', `/jobs/${unknown}`, admin)).status).toBe(404);
    const nonsense = [
      '0',
      '-1',
      '1.5',
      'abc',
      '9007199254740993',
      '9'.repeat(400),
      '1e3',
      '0x10',
      '%201',
      'NaN',
      'null',
    ];
    for (const text of nonsense) {
      const { status, body } = await ask('GET', `/jobs/${text}`, admin);
      expect([text, status, body.code]).toEqual([text, 400, 'invalid_input']);
    }
  });

  it.each(['attempts', 'events', 'series', 'output', 'output/stdout', 'output/live', 'series/1'])(
    'that is unknown has no %s either',
    async (what) => {
      expect((await ask('GET', `/jobs/999999999/${what}`, admin)).status).toBe(404);
    },
  );
});

describe('the idempotency key', () => {
  it('answers 200 with the first job, 409 to another body, and counts for its user alone', async () => {
    const body = { ...good, idempotencyKey: 'nightly', tags: ['a'] };
    const first = await ask('POST', '/jobs', admin, body);
    const again = await ask('POST', '/jobs', admin, body);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body).toEqual(first.body);
    expect(again.headers['location']).toBe(first.headers['location']);
    const before = await countJobs();
    const other = await ask('POST', '/jobs', admin, { ...body, tags: ['b'] });
    expect([other.status, other.body.code]).toEqual([409, 'idempotency_conflict']);
    expect(await countJobs()).toBe(before);
    const ana = await ask('POST', '/jobs', await addUser('ana'), body);
    expect(ana.status).toBe(201);
    expect(ana.body.id).not.toBe(first.body.id);
  });

  it('counts as a header like the member, and two that differ are refused', async () => {
    interface Answered {
      id: number;
      details: { field: string }[];
    }
    const post = async (key: string, body: object): Promise<{ status: number } & Answered> => {
      const headers = { ...admin, 'content-type': 'application/json', 'idempotency-key': key };
      const payload = JSON.stringify(body);
      const answer = await app.inject({ method: 'POST', url: '/api/v1/jobs', headers, payload });
      return { status: answer.statusCode, ...answer.json<Answered>() };
    };
    const first = await post('by header', good);
    const again = await post('by header', good);
    expect([first.status, again.status, again.id]).toEqual([201, 200, first.id]);
    const byMember = await ask('POST', '/jobs', admin, { ...good, idempotencyKey: 'by header' });
    expect(byMember.body.id).toBe(first.id);
    const differing = await post('one', { ...good, idempotencyKey: 'other' });
    expect(differing.details[0]?.field).toBe('idempotencyKey');
    expect((await post('x'.repeat(201), good)).details[0]?.field).toBe('Idempotency-Key');
  });

  it('does not mind the order of members, and minds that of arguments', async () => {
    const text = (members: string): string => `{"idempotencyKey":"order","kind":"script",${members}}`;
    const headers = { ...admin, 'content-type': 'application/json' };
    const post = async (payload: string): Promise<number> =>
      (await app.inject({ method: 'POST', url: '/api/v1/jobs', headers, payload })).statusCode;
    expect(await post(text('"priority":1,"input":{"script":"a"},"env":{"A":"1","B":"2"}'))).toBe(201);
    expect(await post(text('"env":{"A":"1","B":"2"},"input":{"script":"a"},"priority":1'))).toBe(200);
    expect(await post(text('"env":{"B":"2","A":"1"},"input":{"script":"a"},"priority":1'))).toBe(200);
  });
});

it('nobody who is unknown reads or submits', async () => {
  expect((await ask('GET', '/jobs', {})).status).toBe(401);
  expect((await ask('POST', '/jobs', basic('admin', 'wrong'), good)).status).toBe(401);
});

it('parts behind a number that no part can have are refused by the name of the field', async () => {
  const { id } = (await ask('POST', '/jobs', admin, good)).body;
  expect((await ask('GET', `/jobs/${id}/parts?after=2147483647`, admin)).body).toMatchObject({ items: [] });
  const refused = await ask('GET', `/jobs/${id}/parts?after=9007199254740991`, admin);
  expect([refused.status, refused.body.details?.[0]?.field]).toEqual([400, 'after']);
});
