import { z } from 'zod';
import { AppError } from '../../../contract/errors.ts';
import {
  newNotificationRule,
  notificationDelivery,
  notificationPreview,
  notificationRule,
  notificationRuleChange,
} from '../../../contract/notification.ts';
import { channelTypes } from '../../../contract/notification-facts.ts';
import type { Notifications } from '../../../domain/notifications/ports.ts';
import { principalOf, type App } from '../access.ts';
import type { Audit } from '../audit.ts';
import { escapeHtml, plainPage } from '../plain-page.ts';
import { withoutUndefined } from '../without-undefined.ts';

interface NotificationDependencies {
  notifications: Notifications;
  audit: Audit;
}

const tags = ['notifications'];
const params = z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) });
const base = '/api/v1/notification-rules';
const linkToken = z.string().min(1).max(2_000);

/** Who is told of what. Everybody sees their own rules, operators those of all. */
export function registerNotificationRoutes(
  app: App,
  { notifications, audit }: NotificationDependencies,
): void {
  app.get(base, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'listNotificationRules',
      tags,
      summary: 'Your rules; for operators those of everybody',
      response: {
        200: z.object({
          items: z.array(notificationRule),
          channels: z.array(z.enum(channelTypes)).describe('How you may be told here.'),
        }),
      },
    },
    handler: async (request) => {
      const { actor } = principalOf(request);
      return { items: await notifications.list(actor), channels: notifications.channels(actor) };
    },
  });

  app.post(base, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'addNotificationRule',
      tags,
      summary: 'Make a rule',
      description: 'Its filter is asked with your eyes. Web hooks and MQTT topics are for operators.',
      body: newNotificationRule,
      response: { 201: notificationRule },
    },
    handler: async (request, reply) => {
      const rule = await notifications.add(request.body, principalOf(request).actor);
      await audit(request, {
        action: 'notification-rules.add',
        target: rule.name,
        details: { events: rule.events, channel: rule.channel },
      });
      return reply.code(201).header('location', `${base}/${rule.id}`).send(rule);
    },
  });

  app.post(`${base}/preview`, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'previewNotification',
      tags,
      summary: 'What a rule would say of the newest job of its filter',
      body: newNotificationRule.pick({ name: true, filter: true, events: true, subject: true, body: true }),
      response: { 200: notificationPreview },
    },
    handler: (request) => notifications.preview(request.body, principalOf(request).actor),
  });

  app.get(`${base}/:id`, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'getNotificationRule',
      tags,
      summary: 'One rule',
      params,
      response: { 200: notificationRule },
    },
    handler: (request) => notifications.get(request.params.id, principalOf(request).actor),
  });

  app.patch(`${base}/:id`, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'changeNotificationRule',
      tags,
      summary: 'Change or pause a rule',
      params,
      body: notificationRuleChange,
      response: { 200: notificationRule },
    },
    handler: async (request) => {
      const change = withoutUndefined(request.body);
      const rule = await notifications.change(request.params.id, change, principalOf(request).actor);
      const members = Object.keys(change);
      await audit(request, { action: 'notification-rules.change', target: rule.name, details: { members } });
      return rule;
    },
  });

  app.delete(`${base}/:id`, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'removeNotificationRule',
      tags,
      summary: 'Remove a rule and what it delivered',
      params,
      response: { 204: z.undefined().describe('Removed.') },
    },
    handler: async (request, reply) => {
      const { actor } = principalOf(request);
      const { name } = await notifications.get(request.params.id, actor);
      await notifications.remove(request.params.id, actor);
      await audit(request, { action: 'notification-rules.remove', target: name });
      return reply.code(204).send();
    },
  });

  app.post(`${base}/:id/test`, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'testNotificationRule',
      tags,
      summary: 'Send an example now, and tell what the receivers answered',
      params,
      response: { 200: z.object({ items: z.array(notificationDelivery) }) },
    },
    handler: async (request) => {
      const { actor } = principalOf(request);
      const items = await notifications.test(request.params.id, actor);
      await audit(request, { action: 'notification-rules.test', target: String(request.params.id) });
      return { items };
    },
  });

  app.get(`${base}/:id/deliveries`, {
    config: { access: 'notifications.own' },
    schema: {
      operationId: 'listNotificationDeliveries',
      tags,
      summary: 'What it sent, the newest first, with the answers',
      params,
      querystring: z.strictObject({
        before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
        limit: z.coerce.number().int().min(1).max(200).default(50),
        refused: z
          .stringbool()
          .default(false)
          .describe('Only what its receiver did not take: given up, or to be tried again.'),
      }),
      response: { 200: z.object({ items: z.array(notificationDelivery) }) },
    },
    handler: async (request) => {
      const { before, limit, refused } = request.query;
      const page = { before: before ?? null, limit, refused };
      return { items: await notifications.deliveries(request.params.id, page, principalOf(request).actor) };
    },
  });

  registerUnsubscribe(app, notifications);
}

/**
 * Behind the link at the end of every mail. Looking at it changes nothing, since scanners of mail do; the button does,
 * and the one of a mail program, which sends a form (RFC 8058).
 */
function registerUnsubscribe(app: App, notifications: Notifications): void {
  const querystring = z.strictObject({ token: linkToken });
  app.post('/api/v1/unsubscribe', {
    config: { access: 'notifications.unsubscribe' },
    schema: {
      operationId: 'unsubscribe',
      tags,
      summary: 'Get no more mail of a rule',
      description:
        'Needs no account: whoever got a mail has the link at its end, and the token stands in that.',
      body: z.strictObject({ token: linkToken }),
      response: { 200: z.object({ address: z.string(), rule: z.string() }) },
    },
    handler: async (request) => {
      const done = await notifications.unsubscribe(request.body.token);
      if (!done)
        throw new AppError('not_found', 'This link is not one of ours, or what it belongs to is gone.');
      return done;
    },
  });
  void app.register(async (scope: App) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: 1_000 },
      async () => undefined,
    );
    scope.get('/unsubscribe', {
      config: { access: 'notifications.unsubscribe' },
      schema: { hide: true, querystring },
      handler: async (request, reply) => {
        const found = await notifications.readUnsubscribe(request.query.token);
        const text = found
          ? `<p>${escapeHtml(found.address)} gets no more mail of “${escapeHtml(found.rule)}”.</p>
<form method="post" action="/unsubscribe?token=${encodeURIComponent(request.query.token)}"><button>No more of these</button></form>`
          : '<p>This link is not one of ours, or what it belongs to is gone.</p>';
        return reply
          .code(found ? 200 : 404)
          .type('text/html; charset=utf-8')
          .send(plainPage('Unsubscribe', `<h1>Notifications</h1>${text}`));
      },
    });
    scope.post('/unsubscribe', {
      config: { access: 'notifications.unsubscribe' },
      schema: { hide: true, querystring },
      handler: async (request, reply) => {
        const done = await notifications.unsubscribe(request.query.token);
        const text = done
          ? 'Done: no more of these.'
          : 'This link is not one of ours, or what it belongs to is gone.';
        return reply
          .code(done ? 200 : 404)
          .type('text/html; charset=utf-8')
          .send(plainPage('Unsubscribe', `<h1>Notifications</h1><p>${text}</p>`));
      },
    });
  });
}
