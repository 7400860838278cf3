import type {
  NewNotificationRule,
  NotificationChannel,
  NotificationRule,
} from '../../../../src/contract/notification.ts';
import {
  defaultBody,
  defaultSubject,
  type ChannelType,
  type NotificationEvent,
} from '../../../../src/contract/notification-facts.ts';
import type { ApiError } from '../../api/api-error.ts';

/** A rule while somebody fills the form in: every sort of channel keeps what was typed for it. */
export interface RuleDraft {
  name: string;
  filter: string;
  events: NotificationEvent[];
  channel: ChannelType;
  to: string[];
  url: string;
  topic: string;
  subject: string;
  body: string;
  digestMinutes: number;
  stuckMinutes: number;
  diskBelowGib: number;
}

export function toRuleDraft(rule: NotificationRule | null, channels: readonly ChannelType[] = []): RuleDraft {
  const channel = rule?.channel;
  return {
    name: rule?.name ?? '',
    filter: rule?.filter ?? '',
    events: [...(rule?.events ?? (['first_failure', 'recovered'] as const))],
    channel: channel?.type ?? channels[0] ?? 'email',
    to: channel?.type === 'email' ? [...channel.to] : [],
    url: channel?.type === 'webhook' ? channel.url : '',
    topic: channel?.type === 'mqtt' ? channel.topic : '',
    subject: rule?.subject ?? defaultSubject,
    body: rule?.body ?? defaultBody,
    digestMinutes: rule?.digestMinutes ?? 0,
    stuckMinutes: rule?.stuckMinutes ?? 60,
    diskBelowGib: rule?.diskBelowGib ?? 5,
  };
}

export function fromRuleDraft({ channel, to, url, topic, ...terms }: RuleDraft): NewNotificationRule {
  const name = terms.name.trim();
  const toChannel = (): NotificationChannel => {
    if (channel === 'email') return { type: 'email', to: [...to] };
    if (channel === 'webhook') return { type: 'webhook', url: url.trim() };
    return { type: 'mqtt', topic: topic.trim() };
  };
  return { ...terms, events: [...terms.events], name, channel: toChannel(), paused: false };
}

/** What was refused of one field; of `channel` also what was refused of its members. */
export function problemAt(error: ApiError | null, field: string): string | undefined {
  if (error?.code === 'conflict' && field === 'name') return error.message;
  return error?.details.find((one) => one.field === field || one.field.startsWith(`${field}.`))?.message;
}
