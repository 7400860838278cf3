import { findActor } from '../domain/accounts/find-actor.ts';
import { systemActor } from '../contract/actor.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../lib/clock.ts';
import { freeBytes } from '../lib/free-space.ts';
import { Courier } from '../domain/notifications/courier.ts';
import { createNotifications } from '../domain/notifications/notifications.ts';
import type { Notifications, Senders } from '../domain/notifications/ports.ts';
import { toSigningKey, toUnsubscribeToken } from '../domain/notifications/unsubscribe-token.ts';
import { Watcher } from '../domain/notifications/watcher.ts';
import type { SecretKey } from '../domain/secrets/ports.ts';
import { createMailSender } from '../adapters/senders/mail.ts';
import { createMqttSender } from '../adapters/senders/mqtt.ts';
import { createWebhookSender } from '../adapters/senders/webhook.ts';
import { createAccountStore } from '../adapters/store/account-store.ts';
import { createJobReader } from '../adapters/store/job-reader.ts';
import { createNotificationStore } from '../adapters/store/notifications/notification-store.ts';
import { createJobSearch } from '../adapters/store/search/job-search.ts';
import { createUsualTimeReader } from '../adapters/store/usual-time-reader.ts';
import type { BuildContext } from './context.ts';

export interface NotificationParts {
  notifications: Notifications;
  watcher: Watcher;
  courier: Courier;
}

export function buildNotifications(
  config: Config,
  { db, logger }: BuildContext,
  key: SecretKey,
): NotificationParts {
  const store = createNotificationStore(db);
  const search = createJobSearch(db);
  const base = config.http.publicUrl ?? `http://${config.http.host}:${config.http.port}`;
  const urlOf = (jobId: number): string => `${base}/jobs/${jobId}`;
  const senders = buildSenders(config, { key, base });
  const courier = new Courier({ store, senders, urlOf, clock: systemClock, logger });
  const watcher = new Watcher({
    store,
    feed: createJobReader(db),
    search,
    usualTimes: createUsualTimeReader(db),
    system: systemActor('notifications'),
    findActor: (name) => findActor(createAccountStore(db), name),
    freeBytes: () => freeBytes(config.data.directory),
    clock: systemClock,
    timezone: config.timezone,
    logger,
  });
  const notifications = createNotifications({
    store,
    courier,
    senders,
    search,
    key,
    urlOf,
    clock: systemClock,
    timezone: config.timezone,
  });
  return { notifications, watcher, courier };
}

function buildSenders({ senders }: Config, { key, base }: { key: SecretKey; base: string }): Senders {
  const { smtpUrl, mailFrom, mqttUrl } = senders;
  return {
    email:
      smtpUrl === undefined
        ? null
        : createMailSender({
            smtpUrl,
            from: mailFrom,
            unsubscribeUrl: (receiver) =>
              `${base}/unsubscribe?token=${toUnsubscribeToken(key.loadOrMake(), receiver)}`,
          }),
    webhook: createWebhookSender((ruleId) => toSigningKey(key.loadOrMake(), ruleId)),
    mqtt: mqttUrl === undefined ? null : createMqttSender(mqttUrl),
  };
}
