/** What goes out to receivers that are not the usual ones. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createMailSender } from '../../src/adapters/senders/mail.ts';
import { createMqttSender } from '../../src/adapters/senders/mqtt.ts';
import { createWebhookSender } from '../../src/adapters/senders/webhook.ts';
import type { DueDelivery } from '../../src/domain/notifications/ports.ts';
import { startMailServer, startReceiver } from '../support/receivers.ts';

const delivery: DueDelivery = {
  id: 1,
  ruleId: 1,
  channel: 'webhook',
  target: '',
  subject: 'Job 1 failed',
  body: 'It did.',
  notices: 1,
  data: {},
  tries: 1,
  createdAt: new Date(),
};

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function mailServer(host?: string) {
  const mail = await startMailServer(0, host);
  open.push(mail);
  const sender = createMailSender({
    smtpUrl: mail.url,
    from: 'Daybook <daybook@localhost>',
    unsubscribeUrl: () => 'http://localhost/unsubscribe',
  });
  return { mail, send: (target: string) => sender.send({ ...delivery, channel: 'email', target }) };
}

describe('mail', () => {
  it('goes to a server that is named by an IPv6 address', async () => {
    const { mail, send } = await mailServer('::1');
    await send('ana@lab.example');
    expect(mail.mails).toMatchObject([{ to: ['ana@lab.example'] }]);
  });

  it.each([
    ['ops@localhost', 'ops@localhost'],
    ['jörg@lab.example', 'jörg@lab.example'],
    ['x@exämple.de', 'x@exämple.de'],
    ["o'neil+jobs@lab.example", "o'neil+jobs@lab.example"],
  ])('goes to %s', async (target, received) => {
    const { mail, send } = await mailServer();
    await send(target);
    expect(mail.mails).toMatchObject([{ to: [received] }]);
  });
});

describe('MQTT', () => {
  it('over a web socket asks a broker that is named by an IPv6 address', async () => {
    const hosts: (string | undefined)[] = [];
    const server = createServer().on('upgrade', ({ headers }, socket) => {
      hosts.push(headers.host);
      socket.destroy();
    });
    server.listen(0, '::1');
    await once(server, 'listening');
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    const { port } = server.address() as AddressInfo;
    const sender = createMqttSender(`ws://[::1]:${port}`);
    await expect(sender.send({ ...delivery, channel: 'mqtt', target: 'lab/jobs' })).rejects.toMatchObject({
      isFinal: false,
    });
    expect(hosts).toEqual([`[::1]:${port}`]);
  });
});

describe('a web hook', () => {
  const sender = createWebhookSender(() => `whsec_${Buffer.from('a key').toString('base64')}`);

  it('with user and password in its address is sent with them as Basic', async () => {
    const receiver = await startReceiver();
    open.push(receiver);
    const target = receiver.url.replace('http://', 'http://ana:p%C3%A4ss%3Aword@');
    expect(await sender.send({ ...delivery, target })).toMatch(/^204/);
    const [post] = receiver.posts;
    const [, given = ''] = post?.headers.authorization?.split(' ') ?? [];
    expect(Buffer.from(given, 'base64').toString()).toBe('ana:päss:word');
  });

  it('reaches ports that browsers do not', async () => {
    const receiver = await startOnOneOf([10_080, 6_667, 6_000, 6_566, 6_697]);
    open.push(receiver);
    expect(await sender.send({ ...delivery, target: receiver.url })).toMatch(/^204/);
    expect(receiver.posts).toHaveLength(1);
  });

  it('is not sent on to where a receiver points', async () => {
    const receiver = await startReceiver();
    open.push(receiver);
    receiver.status = 307;
    await expect(sender.send({ ...delivery, target: receiver.url })).rejects.toMatchObject({ isFinal: true });
    expect(receiver.posts).toHaveLength(1);
  });

  it('to a receiver that talks without end keeps the beginning', async () => {
    const server = createServer((request, response) => {
      request.resume();
      const talk = (): void => {
        while (response.write('so and so on, '.repeat(100)));
        response.once('drain', talk);
      };
      talk();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push({
      close: () => new Promise((resolve) => server.close(() => resolve())),
    });
    const { port } = server.address() as AddressInfo;
    const answer = await sender.send({ ...delivery, target: `http://127.0.0.1:${port}/` });
    expect(answer).toMatch(/^200 OK so and so on/);
    expect(answer.length).toBeLessThan(600);
  });
});

/** A test of another checkout may hold one of them. */
async function startOnOneOf(ports: readonly number[]): ReturnType<typeof startReceiver> {
  for (const port of ports) {
    const receiver = await startReceiver(port).catch(() => null);
    if (receiver) return receiver;
  }
  throw new Error('None of these ports is free.');
}
