import type { NotificationDelivery, NotificationRule } from '../../../../src/contract/notification.ts';
import type { ChannelType, NotificationEvent } from '../../../../src/contract/notification-facts.ts';

export const eventNames: Readonly<Record<NotificationEvent, string>> = {
  ended: 'ended',
  failed: 'failed',
  first_failure: 'first failure',
  recovered: 'recovered',
  lost: 'lost',
  slow: 'slow',
  stuck: 'stuck',
  disk_low: 'disk low',
};

export const channelLooks: Readonly<Record<ChannelType, { label: string; icon: string }>> = {
  email: { label: 'E-mail', icon: 'i-lucide-mail' },
  webhook: { label: 'Web hook', icon: 'i-lucide-webhook' },
  mqtt: { label: 'MQTT', icon: 'i-lucide-radio-tower' },
};

/** Of its deliveries. */
export const deliveryLooks = {
  pending: { label: 'to be tried again', icon: 'i-lucide-clock', class: 'text-warning' },
  sent: { label: 'sent', icon: 'i-lucide-check', class: 'text-success' },
  failed: { label: 'not sent', icon: 'i-lucide-x', class: 'text-error' },
} as const satisfies Readonly<
  Record<NotificationDelivery['state'], { label: string; icon: string; class: string }>
>;

export function toTargets({ channel }: Pick<NotificationRule, 'channel'>): string {
  if (channel.type === 'email') return channel.to.join(', ');
  return channel.type === 'webhook' ? channel.url : channel.topic;
}

/** `First failure, recovered`. */
export function toEventWords(events: readonly NotificationEvent[]): string {
  const words = events.map((event) => eventNames[event]).join(', ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
