import { isOwner, ownerOf, type Actor, type Owned } from '../../contract/actor.ts';
import { AppError, type ErrorDetail, invalidFields } from '../../contract/errors.ts';
import { FilterError } from '../../contract/filter/filter.ts';
import { parseFilter } from '../../contract/filter/parse.ts';
import type {
  NewNotificationRule,
  NotificationChannel,
  NotificationDelivery,
  NotificationRule,
} from '../../contract/notification.ts';
import { channelTypes, type ChannelType } from '../../contract/notification-facts.ts';
import { isAllowed } from '../../contract/permissions.ts';
import type { Clock } from '../../lib/clock.ts';
import { hidePassword, restorePassword } from '../../lib/url-password.ts';
import type { JobSearch } from '../diary/ports.ts';
import type { SecretKey } from '../secrets/ports.ts';
import type { Courier } from './courier.ts';
import { mayUse } from './may-tell.ts';
import { toMessage } from './message.ts';
import type {
  DeliveryPage,
  Notice,
  Notifications,
  NotificationStore,
  Senders,
  StoredNotificationRule,
  ToldJob,
} from './ports.ts';
import { findUnknownNames } from './template.ts';
import { fromUnsubscribeToken, toSigningKey } from './unsubscribe-token.ts';

export interface NotificationsOptions {
  store: NotificationStore;
  courier: Courier;
  senders: Senders;
  search: Pick<JobSearch, 'findIds'>;
  key: SecretKey;
  urlOf(jobId: number): string;
  clock: Clock;
  timezone: string;
}

const settingOf = { email: 'DAYBOOK_SMTP_URL', mqtt: 'MQTT_URL', webhook: '' } as const;

/** What a preview and a test tell of where no job fits. */
const exampleJob: ToldJob = {
  id: 0,
  name: 'an example, since no job fits the filter yet',
  kind: 'script',
  owner: 'somebody',
  project: null,
  state: 'failed',
  reason: 'exit',
  message: 'Ended with exit code 3.',
  verdict: null,
  family: null,
  errorLine: 'ERROR: an example of what it said last',
};

export function createNotifications(options: NotificationsOptions): Notifications {
  const { store, courier, senders, search, key, urlOf, clock, timezone } = options;

  const toRule = (rule: StoredNotificationRule): NotificationRule => ({
    ...rule,
    channel: hideSecrets(rule.channel),
    signingKey: rule.channel.type === 'webhook' ? toSigningKey(key.loadOrMake(), rule.id) : null,
  });
  const find = async (id: number, actor: Actor): Promise<StoredNotificationRule> => {
    const rule = await store.find(id);
    if (!rule || !mayTouch(rule, actor))
      throw new AppError('not_found', `There is no notification rule ${id}.`);
    return rule;
  };
  const channels = (actor: Actor): ChannelType[] =>
    channelTypes.filter((type) => senders[type] && mayUse(type, actor));
  const requireRule = (
    rule: Pick<NewNotificationRule, 'filter' | 'subject' | 'body' | 'channel'>,
    actor: Actor,
  ): void => {
    const details = [...findTextProblems(rule)];
    const { type } = rule.channel;
    if (!senders[type]) {
      details.push({
        field: 'channel',
        message: `this server has none for ${type}; an admin sets ${settingOf[type]}`,
      });
    }
    if (details.length > 0) throw invalidFields(details);
    if (!channels(actor).includes(type))
      throw new AppError(
        'forbidden',
        'Web hooks and MQTT topics are for operators; e-mail is for everybody.',
      );
  };
  const newestJob = async (filter: string, actor: Actor): Promise<number | null> => {
    const request = { filter: parseFilter(filter), limit: 1, now: clock.now(), timezone };
    return (await search.findIds(request, actor)).items[0] ?? null;
  };
  /** The newest job of the filter, told of as the first event of the rule; without one a made-up job stands in. */
  const example = async (
    rule: Pick<StoredNotificationRule, 'id' | 'filter' | 'events'>,
    actor: Actor,
  ): Promise<{ notice: Notice; jobs: ReadonlyMap<number, ToldJob>; jobId: number | null }> => {
    const [event = 'ended'] = rule.events;
    const isOfJob = event !== 'disk_low';
    const jobId = isOfJob ? await newestJob(rule.filter, actor) : null;
    const text = isOfJob ? null : 'An example: only 4.2 GiB are free where the server keeps its data.';
    const notice = { id: 0, ruleId: rule.id, event, key: '', text, createdAt: clock.now() };
    return {
      notice: { ...notice, jobId: isOfJob ? (jobId ?? exampleJob.id) : null },
      jobs: jobId === null ? new Map([[exampleJob.id, exampleJob]]) : await store.told([jobId]),
      jobId,
    };
  };

  const readDeliveries = async (id: number, page: DeliveryPage): Promise<NotificationDelivery[]> =>
    (await store.deliveries(id, page)).map((one) => ({ ...one, target: hidePassword(one.target) }));

  /** Of the link at the end of a mail; null: none of ours, or its rule is gone. */
  const readLink = async (
    token: string,
  ): Promise<{ ruleId: number; address: string; rule: string } | null> => {
    const read = fromUnsubscribeToken(key.loadOrMake(), token);
    const rule = read && (await store.find(read.ruleId));
    return read && rule ? { ...read, rule: rule.name } : null;
  };

  return {
    list: async (actor) => (await store.rules()).filter((rule) => mayTouch(rule, actor)).map(toRule),
    channels,
    get: async (id, actor) => toRule(await find(id, actor)),

    add: async (rule, actor) => {
      requireRule(rule, actor);
      const channel = restoreSecrets(rule.channel, null);
      const added = await store.add({ ...rule, channel }, ownerOf(actor));
      if (!added) throw nameTaken(rule.name);
      return toRule(added);
    },

    change: async (id, { takeOver, ...change }, actor) => {
      const before = await find(id, actor);
      // Whatever became of its sender or of the rights of its owner, a rule can be silenced.
      const onlyPauses = change.paused === true && Object.keys(change).length === 1 && !takeOver;
      if (!onlyPauses) requireRule({ ...before, ...change }, actor);
      const changed = await store.change(id, {
        ...change,
        ...(change.channel ? { channel: restoreSecrets(change.channel, before.channel) } : {}),
        ...(takeOver ? ownerOf(actor) : {}),
      });
      if (changed === 'taken') throw nameTaken(change.name ?? before.name);
      if (!changed) throw new AppError('not_found', `Notification rule ${id} was removed meanwhile.`);
      return toRule(changed);
    },

    remove: async (id, actor) => {
      await find(id, actor);
      await store.remove(id);
    },

    preview: async (rule, actor) => {
      const details = findTextProblems(rule);
      if (details.length > 0) throw invalidFields(details);
      const { notice, jobs, jobId } = await example({ ...rule, id: 0 }, actor);
      const { subject, body } = toMessage(notice, { rule, jobs, urlOf });
      return { subject, body, jobId };
    },

    test: async (id, actor) => {
      const rule = await find(id, actor);
      const { notice, jobs } = await example(rule, actor);
      const deliveries = await courier.toDeliveries(rule, [notice], jobs);
      const ids = await store.addDeliveries(
        deliveries.map((delivery) => ({ ...delivery, subject: `Test: ${delivery.subject}` })),
      );
      for (let tried = 0; tried < ids.length;) {
        const count = await courier.deliver(ids);
        if (count === 0) break;
        tried += count;
      }
      const recent = await readDeliveries(id, { before: null, limit: ids.length });
      return recent.filter((one) => ids.includes(one.id));
    },

    deliveries: async (id, page, actor) => readDeliveries((await find(id, actor)).id, page),

    readUnsubscribe: async (token) => {
      const link = await readLink(token);
      return link && { address: link.address, rule: link.rule };
    },

    unsubscribe: async (token) => {
      const link = await readLink(token);
      if (link) await store.unsubscribe(link.ruleId, link.address);
      return link && { address: link.address, rule: link.rule };
    },
  };
}

function mayTouch(rule: Owned, actor: Actor): boolean {
  return isOwner(rule, actor) || isAllowed(actor, 'notifications.change-others');
}

function hideSecrets(channel: NotificationChannel): NotificationChannel {
  return channel.type === 'webhook' ? { ...channel, url: hidePassword(channel.url) } : channel;
}

/** @throws AppError `invalid_input` for a hidden password that is not the one of `known` */
function restoreSecrets(
  channel: NotificationChannel,
  known: NotificationChannel | null,
): NotificationChannel {
  if (channel.type !== 'webhook') return channel;
  const url = restorePassword(channel.url, known?.type === 'webhook' ? known.url : null);
  if (url !== null) return { ...channel, url };
  throw invalidFields([
    {
      field: 'channel.url',
      message: 'say the password anew: it is kept for the server and user it was given for',
    },
  ]);
}

function findTextProblems(rule: Pick<NewNotificationRule, 'filter' | 'subject' | 'body'>): ErrorDetail[] {
  const details: ErrorDetail[] = [];
  try {
    parseFilter(rule.filter);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    details.push({ field: 'filter', message: error.message });
  }
  for (const field of ['subject', 'body'] as const) {
    const [unknown] = findUnknownNames(rule[field]);
    if (unknown !== undefined) details.push({ field, message: `nobody knows {{${unknown}}}` });
  }
  return details;
}

function nameTaken(name: string): AppError {
  return new AppError('conflict', `You have a notification rule "${name}" already.`);
}
