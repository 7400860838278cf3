import type {
  NotificationChannel,
  NotificationDelivery,
  NotificationPreview,
  NotificationRule,
} from '../../contract/notification.ts';
import { cleanText } from './clean-text.ts';
import type { CliContext } from './context.ts';
import { painter, print } from './output.ts';
import { describeOwner } from './owner-view.ts';
import { formatFields, printTable } from './table.ts';
import { formatDuration, formatTime } from './time.ts';

export async function printNotificationRules(
  context: CliContext,
  rules: readonly NotificationRule[],
): Promise<void> {
  const paint = painter(context.stdout, context.env);
  await printTable(
    context,
    rules,
    [
      { title: 'ID', cell: ({ id }) => String(id), align: 'right' },
      { title: 'RULE', cell: ({ name }) => cleanText(name) },
      { title: 'STATE', cell: ({ paused }) => (paused ? paint('yellow', 'paused') : 'on') },
      { title: 'OF', cell: ({ events }) => events.join(', ') },
      { title: 'TELLS', cell: ({ channel }) => cleanText(describeChannel(channel)) },
      { title: 'OWNER', cell: (rule) => describeOwner(rule) },
      { title: 'FILTER', cell: ({ filter }) => cleanText(filter || 'every job'), isFlexible: true },
    ],
    { empty: 'There is no rule: nobody is told of anything.' },
  );
}

export async function printNotificationRule(context: CliContext, rule: NotificationRule): Promise<void> {
  const { id, name, events, channel, digestMinutes, stuckMinutes, diskBelowGib, signingKey } = rule;
  const fields = formatFields([
    ['Rule', `${id}  ${cleanText(name)}${rule.paused ? '  (paused)' : ''}`],
    ['Owner', describeOwner(rule)],
    ['Jobs', cleanText(rule.filter || 'every job')],
    ['Of', events.join(', ')],
    ['Tells', cleanText(describeChannel(channel))],
    ['Signing key', signingKey ?? undefined],
    ['Digest', digestMinutes === 0 ? undefined : `every ${formatDuration(digestMinutes * 60_000)}`],
    ['Stuck', events.includes('stuck') ? `silent for ${formatDuration(stuckMinutes * 60_000)}` : undefined],
    ['Disk low', events.includes('disk_low') ? `less than ${diskBelowGib} GiB free` : undefined],
    ['Changed', formatTime(rule.changedAt)],
  ]);
  await print(context, [...fields, '', ...message(context, rule)].join('\n'));
}

export async function printNotificationPreview(
  context: CliContext,
  preview: NotificationPreview,
): Promise<void> {
  await print(context, message(context, preview).join('\n'));
}

/** What was sent, or tried. */
export async function printDeliveries(
  context: CliContext,
  deliveries: readonly NotificationDelivery[],
  options: { empty: string },
): Promise<void> {
  const paint = painter(context.stdout, context.env);
  const styles = { sent: 'green', pending: 'yellow', failed: 'red' } as const;
  await printTable(
    context,
    deliveries,
    [
      { title: 'MADE', cell: ({ createdAt }) => formatTime(createdAt) },
      { title: 'STATE', cell: ({ state }) => paint(styles[state], state) },
      { title: 'TRIES', cell: ({ tries }) => String(tries), align: 'right' },
      { title: 'TO', cell: ({ target }) => cleanText(target) },
      { title: 'SUBJECT', cell: ({ subject }) => cleanText(subject) },
      { title: 'ANSWER', cell: ({ answer }) => cleanText(answer ?? '-'), isFlexible: true },
    ],
    options,
  );
}

function message(
  { stdout, env }: CliContext,
  { subject, body }: Pick<NotificationPreview, 'subject' | 'body'>,
): string[] {
  return [painter(stdout, env)('bold', cleanText(subject)), ...body.split('\n').map(cleanText)];
}

function describeChannel(channel: NotificationChannel): string {
  switch (channel.type) {
    case 'email':
      return channel.to.join(', ');
    case 'webhook':
      return channel.url;
    case 'mqtt':
      return `MQTT ${channel.topic}`;
  }
}
