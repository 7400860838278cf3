/** What people can be told of. Of jobs, but for the last. */
export const notificationEvents = [
  'ended',
  'failed',
  'first_failure',
  'recovered',
  'lost',
  'slow',
  'stuck',
  'disk_low',
] as const;
export type NotificationEvent = (typeof notificationEvents)[number];

export const eventMeanings: Readonly<Record<NotificationEvent, string>> = {
  ended: 'A job ended, however.',
  failed: 'A job failed.',
  first_failure: 'A job failed, and the one before of the same kind and name had not.',
  recovered: 'A job succeeded, and the one before of the same kind and name had failed.',
  lost: 'A job failed because its worker or its program was lost.',
  slow: 'A job runs longer than nineteen of twenty of its like did.',
  stuck: 'A running job has printed nothing and told no progress for as long as the rule says.',
  disk_low: 'Less than the rule says is free where the server keeps its data.',
};

/** How people can be told. */
export const channelTypes = ['email', 'webhook', 'mqtt'] as const;
export type ChannelType = (typeof channelTypes)[number];

export const defaultSubject = '[Daybook] {{job.name}}: {{event}}';
export const defaultBody = `Job {{job.id}} "{{job.name}}" of {{job.owner}}: {{job.state}} {{job.reason}}
{{job.message}}
{{job.errorLine}}

{{job.url}}`;

/** What templates may name. */
export const templateNames = [
  'event',
  'rule',
  'job.id',
  'job.name',
  'job.kind',
  'job.owner',
  'job.project',
  'job.state',
  'job.reason',
  'job.message',
  'job.verdict',
  'job.errorLine',
  'job.url',
] as const;
