import { createHmac } from 'node:crypto';
import { connectAsync } from 'mqtt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemActor, type Actor } from '../../src/contract/actor.ts';
import { newNotificationRule, type NotificationRule } from '../../src/contract/notification.ts';
import type { AttemptOutcome, Jobs } from '../../src/domain/jobs/ports.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import { Courier } from '../../src/domain/notifications/courier.ts';
import { createNotifications } from '../../src/domain/notifications/notifications.ts';
import type { Notifications, NotificationStore, Senders } from '../../src/domain/notifications/ports.ts';
import { toSigningKey, toUnsubscribeToken } from '../../src/domain/notifications/unsubscribe-token.ts';
import { Watcher } from '../../src/domain/notifications/watcher.ts';
import { createMailSender } from '../../src/adapters/senders/mail.ts';
import { createMqttSender } from '../../src/adapters/senders/mqtt.ts';
import { createWebhookSender } from '../../src/adapters/senders/webhook.ts';
import { createAccountStore } from '../../src/adapters/store/account-store.ts';
import { findActor } from '../../src/domain/accounts/find-actor.ts';
import { createJobReader } from '../../src/adapters/store/job-reader.ts';
import { createJobStore } from '../../src/adapters/store/job-store.ts';
import { createNotificationStore } from '../../src/adapters/store/notifications/notification-store.ts';
import { createJobSearch } from '../../src/adapters/store/search/job-search.ts';
import { createUsualTimeReader } from '../../src/adapters/store/usual-time-reader.ts';
import type { TestDatabase } from '../support/database.ts';
import { describeOnDatabases } from '../support/describe-on-databases.ts';
import { failed, joinWorker, type newJob, submitOne, succeeded } from '../support/jobs.ts';
import { pollUntil } from '../support/poll.ts';
import { hasMosquitto, startBroker, startMailServer, startReceiver } from '../support/receivers.ts';
import { createTestProduct } from '../support/product.ts';
import { requireService } from '../support/services.ts';

const ana: Actor = { name: 'ana', accountId: 1, role: 'operator' };
const bo: Actor = { name: 'bo', accountId: 2, role: 'member' };
const key = Buffer.alloc(32, 7);
const minute = 60_000;

describe('addresses of e-mail', () => {
  const accepts = (to: string): boolean =>
    newNotificationRule.safeParse({ name: 'a', events: ['lost'], channel: { type: 'email', to: [to] } })
      .success;

  it.each([
    'ana@lab.example',
    'ops@localhost',
    'jörg@lab.example',
    'x@exämple.de',
    "o'neil+jobs@lab.example",
    '用户@例え.テスト',
    'a.b@mail-1.lab.example',
  ])('%s is one', (to) => expect(accepts(to)).toBe(true));

  it.each([
    'ana',
    '@lab.example',
    'ana@',
    'ana@lab..example',
    'a..b@lab.example',
    '.a@lab.example',
    'ana@-lab.example',
    'ana@lab.example.',
    'a b@lab.example',
    'ana@lab.example, bo@lab.example',
    'Ana <ana@lab.example>',
    'ana@lab.example\r\nBcc: bo@lab.example',
    'a\u202eb@lab.example',
    `${'a'.repeat(250)}@lab.example`,
  ])('%j is none', (to) => expect(accepts(to)).toBe(false));
});

describeOnDatabases('notifications', (create) => {
  let database: TestDatabase;
  let store: NotificationStore;
  let jobs: Jobs;
  let mail: Awaited<ReturnType<typeof startMailServer>>;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let notifications: Notifications;
  let watcher: Watcher;
  let courier: Courier;
  let freeBytes: number;
  let passedMs: number;
  let worker: Awaited<ReturnType<typeof joinWorker>>;

  beforeAll(async () => {
    database = await create();
    store = createNotificationStore(database.db);
    jobs = createTestProduct(database.db).domains.jobs;
  });
  afterAll(() => database?.drop());
  beforeEach(async () => {
    await database.db.query(
      'truncate jobs, idempotency_keys, workers, lanes, notification_rules, notification_position, users restart identity cascade',
    );
    await database.db.query(
      `insert into users (name, display_name, role) values ('ana', 'Ana', 'operator'), ('bo', 'Bo', 'member')`,
    );
    mail = await startMailServer();
    receiver = await startReceiver();
    freeBytes = 1e12;
    passedMs = 0;
    ({ notifications, watcher, courier } = build());
    worker = await joinWorker(database.db);
  });
  afterEach(() => Promise.all([mail.close(), receiver.close()]));

  const clock = {
    now: () => new Date(Date.now() + passedMs),
    monotonicMs: () => performance.now() + passedMs,
  };

  const setRole = (role: Actor['role']): Promise<unknown> =>
    database.db.query(`update users set role = $1 where name = 'ana'`, [role]);

  /** What one server of several has. */
  function build(mqttUrl: string | null = null) {
    const senders: Senders = {
      email: createMailSender({
        smtpUrl: mail.url,
        from: 'Daybook <daybook@lab.example>',
        unsubscribeUrl: (who) => `http://lab/unsubscribe?token=${toUnsubscribeToken(key, who)}`,
      }),
      webhook: createWebhookSender((ruleId) => toSigningKey(key, ruleId)),
      mqtt: mqttUrl === null ? null : createMqttSender(mqttUrl),
    };
    const search = createJobSearch(database.db);
    const accounts = createAccountStore(database.db);
    const find = (id: number | null): Promise<Actor | null> => findActor(accounts, id);
    const urlOf = (id: number): string => `http://lab/jobs/${id}`;
    const own = new Courier({ store, senders, findActor: find, urlOf, clock, logger: silentLogger });
    return {
      courier: own,
      notifications: createNotifications({
        store,
        courier: own,
        senders,
        search,
        key: { load: () => key, loadOrMake: () => key },
        urlOf,
        clock,
        timezone: 'UTC',
      }),
      watcher: new Watcher({
        store,
        feed: createJobReader(database.db),
        search,
        usualTimes: createUsualTimeReader(database.db),
        system: systemActor('notifications'),
        findActor: find,
        freeBytes: async () => freeBytes,
        clock,
        timezone: 'UTC',
        logger: silentLogger,
      }),
    };
  }

  const add = (change: object = {}, actor = ana): Promise<NotificationRule> =>
    notifications.add(
      newNotificationRule.parse({
        name: 'mine',
        events: ['failed'],
        channel: { type: 'email', to: ['ana@lab.example'] },
        ...change,
      }),
      actor,
    );
  /** Runs a job to its end. */
  const run = async (
    isGood: boolean | 'inconclusive',
    change: Parameters<typeof newJob>[0] = {},
  ): Promise<number> => {
    const id = await submitOne(createJobStore(database.db), change);
    const [claimed] = await worker.claim(1);
    if (!claimed) throw new Error('the job was to be claimed');
    const end = isGood ? succeeded(claimed) : failed(claimed);
    const outcome: AttemptOutcome =
      isGood === 'inconclusive' ? { ...end.outcome, state: 'finished' } : end.outcome;
    await jobs.finish({ ...end, outcome, attempt: { ...claimed, tries: 1 } });
    return id;
  };
  /** The feed ends at the oldest transaction under way, also of others on the same server. */
  const untilFeedIsWhole = (): Promise<unknown> =>
    pollUntil(
      () =>
        database.db.query<{ count: number }>(
          'select count(*) from events where xid >= pg_snapshot_xmin(pg_current_snapshot())',
        ),
      ([row]) => row?.count === 0,
    );
  const look = async (): Promise<void> => {
    await untilFeedIsWhole();
    while (await watcher.look(await watcher.rules()));
  };
  const tell = async (): Promise<void> => {
    await look();
    await courier.compose();
    while ((await courier.deliver()) > 0);
  };
  const subjects = (): string[] =>
    mail.mails.map(
      ({ text }) => /^Subject: (.*(?:\r\n .*)*)/m.exec(text)?.[1]?.replaceAll(/\r\n /g, ' ') ?? '',
    );

  it('a job that failed and fits the filter is told of once, by mail, with what it said', async () => {
    const rule = await add({ filter: 'kind:script -name:quiet' });
    const id = await run(false, { name: 'loud one' });
    await run(true, { name: 'good one' });
    await run(false, { kind: 'script', name: 'quiet' });
    await tell();
    await tell();
    expect(subjects()).toEqual(['[Daybook] loud one: failed']);
    expect(mail.mails[0]?.to).toEqual(['ana@lab.example']);
    expect(mail.mails[0]?.text).toContain(`http://lab/jobs/${id}`);
    expect(mail.mails[0]?.text).toMatch(/^List-Unsubscribe:\s+<http:\/\/lab\/unsubscribe\?token=/m);
    expect(await notifications.deliveries(rule.id, { before: null, limit: 9 }, ana)).toMatchObject([
      { state: 'sent', tries: 1, answer: expect.stringMatching(/^250/) },
    ]);
  });

  it('what was before a rule is not told of, though the feed was held up meanwhile', async () => {
    const { promise: letGo, resolve: release } = Promise.withResolvers<void>();
    const { promise: isHeld, resolve: tellHeld } = Promise.withResolvers<void>();
    const held = database.db.transaction(async (tx) => {
      await tx.query('select pg_current_xact_id()');
      tellHeld();
      await letGo;
    });
    await isHeld;
    await run(false);
    await add();
    await run(false, { name: 'the next' });
    await add({ name: 'a later rule' });
    release();
    await held;
    await tell();
    expect(subjects()).toEqual(['[Daybook] the next: failed']);
  });

  it('a failing line of jobs is told of once, and its recovery once', async () => {
    await add({ events: ['first_failure', 'recovered'], filter: '' });
    const url = { kind: 'url', name: 'http://shop.example/' };
    await database.db.query(`update workers set kinds = '{script,url}'`);
    worker = await joinWorker(database.db, { kinds: ['script', 'url'] });
    const unknown = 'inconclusive';
    for (const isGood of [true, unknown, false, false, unknown, false, true, unknown, true, false] as const) {
      await run(isGood, url);
      await tell();
    }
    expect(subjects().map((text) => text.split(': ').at(-1))).toEqual([
      'failed for the first time',
      'recovered',
      'failed for the first time',
    ]);
  });

  it('two that look at the same ends store them once', async () => {
    await add({ events: ['ended'] });
    for (let count = 0; count < 5; count += 1) await run(true, { name: `job ${count}` });
    const rules = await store.rules();
    await untilFeedIsWhole();
    await Promise.all(Array.from({ length: 5 }, () => build().watcher.look(rules)));
    const [row] = await database.db.query<{ count: number }>('select count(*) from notification_notices');
    expect(row?.count).toBe(5);
    await Promise.allSettled(Array.from({ length: 5 }, () => build().courier.compose()));
    await Promise.all(Array.from({ length: 5 }, () => build().courier.deliver()));
    while ((await courier.deliver()) > 0);
    expect(mail.mails).toHaveLength(5);
  });

  it('a flood is told of together, what failed alike side by side', async () => {
    await add();
    for (let count = 0; count < 30; count += 1) await run(false, { name: `job ${count}` });
    await tell();
    expect(subjects()).toEqual(['[Daybook] mine: 30 notifications']);
    expect(mail.mails[0]?.text).toMatch(/30 (×|=C3=97) failed/);
    for (let count = 0; count < 9; count += 1) await run(false);
    await tell();
    expect(mail.mails).toHaveLength(1);
    passedMs = 11 * minute;
    await tell();
    expect(subjects()[1]).toBe('[Daybook] mine: 9 notifications');
  });

  it('a digest waits for its time', async () => {
    await add({ digestMinutes: 60 });
    await run(false);
    await tell();
    passedMs = 59 * minute;
    await tell();
    expect(mail.mails).toEqual([]);
    passedMs = 61 * minute;
    await tell();
    expect(mail.mails).toHaveLength(1);
  });

  it('a mail server that is down for an hour loses nothing and delays nothing else', async () => {
    const { port } = mail;
    await mail.close();
    await add({ name: 'by mail' });
    await add({ name: 'by hook', channel: { type: 'webhook', url: receiver.url } });
    await run(false);
    await tell();
    expect(receiver.posts).toHaveLength(1);
    const [rule] = await notifications.list(ana);
    const read = async () =>
      (await notifications.deliveries(rule?.id ?? 0, { before: null, limit: 1 }, ana))[0];
    expect(await read()).toMatchObject({
      state: 'pending',
      tries: 1,
      answer: expect.stringContaining('ECONNREFUSED'),
    });
    for (let tries = 2; tries < 9; tries += 1) {
      await database.db.query(
        `update notification_deliveries set next_try_at = now() where state = 'pending'`,
      );
      await courier.deliver();
    }
    mail = await startMailServer(port);
    await database.db.query(`update notification_deliveries set next_try_at = now() where state = 'pending'`);
    await courier.deliver();
    expect(await read()).toMatchObject({ state: 'sent', tries: 9 });
    expect(mail.mails).toHaveLength(1);
  });

  it('that a clock which was ahead put days away is tried now', async () => {
    mail.refuse = { code: 451, message: 'try again later' };
    const rule = await add();
    await run(false);
    await tell();
    await database.db.query(
      `update notification_deliveries set next_try_at = now() + interval '3 days' where state = 'pending'`,
    );
    await courier.deliver();
    const [delivery] = await notifications.deliveries(rule.id, { before: null, limit: 1 }, ana);
    expect(delivery).toMatchObject({ state: 'pending', tries: 2 });
  });

  it('is given up when a receiver says never, and after a day', async () => {
    mail.refuse = { code: 550, message: 'no such mailbox' };
    const rule = await add();
    await run(false);
    await tell();
    const read = async () => (await notifications.deliveries(rule.id, { before: null, limit: 1 }, ana))[0];
    expect(await read()).toMatchObject({
      state: 'failed',
      answer: expect.stringContaining('no such mailbox'),
    });
    mail.refuse = { code: 451, message: 'try again later' };
    await run(false);
    await tell();
    expect(await read()).toMatchObject({ state: 'pending' });
    passedMs = 25 * 60 * minute;
    await database.db.query(`update notification_deliveries set next_try_at = now() where state = 'pending'`);
    await courier.deliver();
    expect(await read()).toMatchObject({ state: 'failed', tries: 2 });
    expect(mail.mails).toEqual([]);
  });

  it('the password of a web hook is sent and shown nowhere, and stays with a change that does not name it', async () => {
    const told = receiver.url.replace('http://', 'http://ana:s3cret%2F@');
    const hidden = receiver.url.replace('http://', 'http://ana:••••••@');
    const rule = await add({ channel: { type: 'webhook', url: told } });
    const change = (url: string) => notifications.change(rule.id, { channel: { type: 'webhook', url } }, ana);
    expect(rule.channel).toEqual({ type: 'webhook', url: hidden });
    expect((await change(hidden)).channel).toEqual({ type: 'webhook', url: hidden });
    await run(false);
    await tell();
    const deliveries = await notifications.deliveries(rule.id, { before: null, limit: 5 }, ana);
    expect(deliveries).toMatchObject([{ state: 'sent', target: hidden }]);
    await notifications.test(rule.id, ana);
    expect((await notifications.get(rule.id, ana)).channel).toEqual({ type: 'webhook', url: hidden });
    const expected = `Basic ${Buffer.from('ana:s3cret/').toString('base64')}`;
    expect(receiver.posts.map(({ headers }) => headers.authorization)).toEqual([expected, expected]);
    for (const url of ['http://ana:••••••@elsewhere.example/', hidden.replace('ana', 'eva')])
      await expect(change(url)).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(add({ name: 'copy', channel: { type: 'webhook', url: hidden } })).rejects.toMatchObject({
      code: 'invalid_input',
    });
    expect(JSON.stringify([rule, await notifications.list(ana), deliveries])).not.toContain('s3cret');
  });

  it('a web hook is signed, and tried again when its receiver is ill', async () => {
    const rule = await add({ channel: { type: 'webhook', url: receiver.url } });
    receiver.status = 503;
    const id = await run(false, { name: 'signed' });
    await tell();
    receiver.status = 204;
    await database.db.query(`update notification_deliveries set next_try_at = now()`);
    await courier.deliver();
    expect(receiver.posts).toHaveLength(2);
    const [, post] = receiver.posts;
    const {
      'webhook-id': messageId,
      'webhook-timestamp': at,
      'webhook-signature': signature,
    } = post?.headers ?? {};
    const secret = Buffer.from(rule.signingKey?.replace('whsec_', '') ?? '', 'base64');
    const expected = createHmac('sha256', secret)
      .update(`${String(messageId)}.${String(at)}.${post?.body}`)
      .digest('base64');
    expect(signature).toBe(`v1,${expected}`);
    expect(receiver.posts[0]?.headers['webhook-id']).toBe(messageId);
    expect(JSON.parse(post?.body ?? '')).toMatchObject({
      data: { rule: 'mine', notices: [{ event: 'failed', job: { id, name: 'signed', state: 'failed' } }] },
    });
    receiver.status = 302;
    await run(false);
    await tell();
    expect(receiver.posts).toHaveLength(3);
    expect((await notifications.deliveries(rule.id, { before: null, limit: 1 }, ana))[0]?.state).toBe(
      'failed',
    );
  });

  describe.runIf(requireService('Mosquitto', hasMosquitto))('over MQTT', () => {
    it('is published to its topic', async () => {
      const broker = await startBroker();
      try {
        ({ notifications, courier, watcher } = build(broker.url));
        await add({ channel: { type: 'mqtt', topic: 'lab/jobs' } });
        const client = await connectAsync(broker.url);
        const got: string[] = [];
        client.on('message', (_topic, payload) => got.push(payload.toString()));
        await client.subscribeAsync('lab/#', { qos: 1 });
        await run(false, { name: 'to the broker' });
        await tell();
        const [rule] = await notifications.list(ana);
        const page = { before: null, limit: 1 };
        await pollUntil(
          async () => ({
            got: got.length,
            deliveries: await notifications.deliveries(rule?.id ?? 0, page, ana),
          }),
          (seen) => seen.got === 1,
          { deadlineMs: 5_000 },
        );
        expect(JSON.parse(got[0] ?? '')).toMatchObject({ subject: '[Daybook] to the broker: failed' });
        await client.endAsync();
      } finally {
        await broker.close();
      }
    });
  });

  it('who unsubscribed gets no more; the others do', async () => {
    const rule = await add({ channel: { type: 'email', to: ['ana@lab.example', 'Bo@lab.example'] } });
    const token = toUnsubscribeToken(key, { ruleId: rule.id, address: 'Bo@lab.example' });
    expect(await notifications.readUnsubscribe(token)).toEqual({ address: 'bo@lab.example', rule: 'mine' });
    expect(await notifications.readUnsubscribe(`${token}x`)).toBeNull();
    expect(await notifications.unsubscribe('forged.token')).toBeNull();
    await notifications.unsubscribe(token);
    await run(false);
    await tell();
    expect(mail.mails.map(({ to }) => to)).toEqual([['ana@lab.example']]);
  });

  it('what is slow, stuck or full is told of once, as its owner sees it', async () => {
    for (let count = 0; count < 3; count += 1) await run(true, { name: 'usual' });
    const slow = await add({
      name: 'slow',
      events: ['slow', 'stuck'],
      filter: 'name:usual',
      stuckMinutes: 30,
    });
    const disk = await add({ name: 'disk', events: ['disk_low'], diskBelowGib: 10 });
    const id = await submitOne(createJobStore(database.db), { name: 'usual' });
    await submitOne(createJobStore(database.db), { name: 'other' });
    await worker.claim(2);
    await database.db.query(`update running set claimed_at = now() - interval '1 hour' where job_id = $1`, [
      id,
    ]);
    const told = async (ruleId: number) =>
      (await store.notices(ruleId, 9)).map(({ event, jobId }) => [event, jobId]);
    await watcher.watch(await store.rules());
    expect(await told(slow.id)).toEqual([['slow', id]]);
    passedMs = 31 * minute;
    freeBytes = 5e9;
    await watcher.watch(await store.rules());
    await watcher.watch(await store.rules());
    expect(await told(slow.id)).toEqual([
      ['slow', id],
      ['stuck', id],
    ]);
    expect(await told(disk.id)).toEqual([['disk_low', null]]);
  });

  it('a rule of somebody who left tells nothing', async () => {
    const rule = await add();
    await createAccountStore(database.db).deleteUser('ana');
    await database.db.query(`insert into users (name, display_name, role) values ('ana', 'Ana', 'admin')`);
    await run(false);
    await tell();
    expect(mail.mails).toEqual([]);
    expect(await notifications.get(rule.id, ana)).toMatchObject({ ownerId: 1, ownerIsGone: true });
    expect(await notifications.test(rule.id, ana)).toMatchObject([
      { answer: 'Its owner ana has no account any more; an operator can take it over.' },
    ]);
  });

  it('a rule of somebody who left tells again once it is taken over, of what ends from then on', async () => {
    const rule = await add();
    await createAccountStore(database.db).deleteUser('ana');
    await database.db.query(`update users set role = 'operator' where name = 'bo'`);
    const olga: Actor = { ...bo, role: 'operator' };
    const own = await add({}, olga);
    await expect(notifications.change(rule.id, { takeOver: true }, olga)).rejects.toMatchObject({
      code: 'conflict',
    });
    await notifications.remove(own.id, olga);
    expect(await notifications.change(rule.id, { takeOver: true }, olga)).toMatchObject({
      owner: 'bo',
      ownerId: 2,
      ownerIsGone: false,
    });
    await run(false);
    await tell();
    expect(mail.mails).toHaveLength(1);
  });

  it('two people of one name may each have a rule of one name', async () => {
    await add();
    await expect(add()).rejects.toMatchObject({ code: 'conflict' });
    expect(await add({}, { ...ana, accountId: 4 })).toMatchObject({ name: 'mine', ownerId: 4 });
  });

  it('a web hook of somebody who is no operator any more tells nothing, of jobs, of the disk, or what was due before', async () => {
    const channel = { type: 'webhook', url: receiver.url };
    const rule = await add({ events: ['failed', 'disk_low'], channel });
    await add({ name: 'by mail', events: ['failed'] });
    receiver.status = 500;
    await run(false);
    await tell();
    expect(receiver.posts).toHaveLength(1);
    await setRole('member');
    receiver.status = 204;
    await run(false);
    freeBytes = 1;
    await watcher.watch(await watcher.rules());
    await tell();
    const [pending] = await notifications.deliveries(rule.id, { before: null, limit: 9 }, ana);
    expect(await courier.deliver([pending?.id ?? 0])).toBe(1);
    expect(receiver.posts).toHaveLength(1);
    expect(mail.mails).toHaveLength(2);
    expect(await notifications.test(rule.id, ana)).toMatchObject([{ state: 'failed' }]);
    expect(receiver.posts).toHaveLength(1);
    const sent = await notifications.deliveries(rule.id, { before: null, limit: 9 }, ana);
    expect(sent.map(({ answer }) => answer)).toEqual(Array(2).fill('ana may not send this way any more.'));
    await setRole('operator');
    await run(false);
    await tell();
    expect(receiver.posts).toHaveLength(2);
  });

  it('what a rule would say is shown before, and a test says what the receiver answered', async () => {
    const rule = await add({ subject: '{{job.name}} {{event}}', filter: 'kind:script' });
    const id = await run(false, { name: 'shown\r\nBcc: x@y.example' });
    const shown = {
      name: 'x',
      filter: '',
      events: ['failed' as const],
      body: '{{job.project}}\n{{job.name}}',
    };
    expect(await notifications.preview({ ...shown, subject: '{{job.name}}' }, ana)).toEqual({
      jobId: id,
      subject: 'shown Bcc: x@y.example',
      body: 'shown\r\nBcc: x@y.example',
    });
    await expect(notifications.preview({ ...shown, subject: '{{job.colour}}' }, ana)).rejects.toMatchObject({
      details: [{ field: 'subject', message: 'nobody knows {{job.colour}}' }],
    });
    expect(await notifications.test(rule.id, ana)).toMatchObject([
      { state: 'sent', subject: expect.stringMatching(/^Test: shown Bcc/) },
    ]);
    expect(mail.mails[0]?.to).toEqual(['ana@lab.example']);
    await mail.close();
    expect(await notifications.test(rule.id, ana)).toMatchObject([
      { state: 'pending', answer: expect.stringContaining('ECONNREFUSED') },
    ]);
  });

  it('belongs to who made it; hooks and topics are for operators', async () => {
    const rule = await add({}, bo);
    await expect(add({ name: 'Mine' }, bo)).rejects.toMatchObject({ code: 'conflict' });
    await add({}, ana);
    await expect(
      add({ name: 'hook', channel: { type: 'webhook', url: receiver.url } }, bo),
    ).rejects.toMatchObject({ code: 'forbidden' });
    await expect(add({ name: 'topic', channel: { type: 'mqtt', topic: 'a' } })).rejects.toMatchObject({
      details: [{ field: 'channel', message: expect.stringContaining('MQTT_URL') }],
    });
    await expect(add({ name: 'filter', filter: 'stat:x' })).rejects.toMatchObject({
      details: [{ field: 'filter' }],
    });
    const eva: Actor = { name: 'eva', accountId: 3, role: 'member' };
    await expect(notifications.get(rule.id, eva)).rejects.toMatchObject({ code: 'not_found' });
    await expect(notifications.test(rule.id, eva)).rejects.toMatchObject({ code: 'not_found' });
    expect(await notifications.list(bo)).toHaveLength(1);
    expect(await notifications.list(ana)).toHaveLength(2);
    expect(notifications.channels(bo)).toEqual(['email']);
    expect(notifications.channels(ana)).toEqual(['email', 'webhook']);
    expect(build('mqtt://127.0.0.1:1').notifications.channels(ana)).toContain('mqtt');
  });

  it('can be paused by who may not use its channel any more, and not changed or resumed', async () => {
    const rule = await add({ channel: { type: 'webhook', url: receiver.url } });
    const demoted: Actor = { ...ana, role: 'member' };
    expect(await notifications.change(rule.id, { paused: true }, demoted)).toMatchObject({ paused: true });
    for (const change of [{ paused: false }, { paused: true, name: 'other' }])
      await expect(notifications.change(rule.id, change, demoted)).rejects.toMatchObject({
        code: 'forbidden',
      });
    expect(await notifications.get(rule.id, ana)).toMatchObject({ paused: true, name: 'mine' });
  });
});
