import type { NotificationEvent } from '../../contract/notification-facts.ts';
import type { NewDelivery, Notice, StoredNotificationRule, ToldJob } from './ports.ts';
import { render, renderSubject, type TemplateValues } from './template.ts';

export interface MessageContext {
  rule: Pick<StoredNotificationRule, 'name' | 'subject' | 'body'>;
  jobs: ReadonlyMap<number, ToldJob>;
  /** Of a job's page. */
  urlOf(jobId: number): string;
}

const eventWords: Readonly<Record<NotificationEvent, string>> = {
  ended: 'ended',
  failed: 'failed',
  first_failure: 'failed for the first time',
  recovered: 'recovered',
  lost: 'lost',
  slow: 'slow',
  stuck: 'stuck',
  disk_low: 'disk low',
};

const mostListed = 20;

/** One message of one notice. */
export function toMessage(
  notice: Notice,
  context: MessageContext,
): Pick<NewDelivery, 'subject' | 'body' | 'data'> {
  const values = toValues(notice, context);
  const body = render(context.rule.body, values);
  return {
    subject: renderSubject(context.rule.subject, values),
    body: notice.text === null ? body : `${notice.text}\n\n${body}`.trim(),
    data: toData([notice], context),
  };
}

/** One message of many: what failed alike stands together. */
export function toDigest(
  notices: readonly Notice[],
  context: MessageContext,
): Pick<NewDelivery, 'subject' | 'body' | 'data'> {
  const groups = Map.groupBy(notices, ({ event, jobId }) => {
    const family = jobId === null ? null : context.jobs.get(jobId)?.family;
    return `${event} ${family ?? ''}`;
  });
  const sections = [...groups.values()]
    .sort((a, b) => b.length - a.length)
    .map((group) => describeGroup(group, context));
  return {
    subject: `[Daybook] ${context.rule.name}: ${notices.length} notifications`.slice(0, 250),
    body: sections.join('\n\n'),
    data: toData(notices, context),
  };
}

function describeGroup(group: readonly Notice[], context: MessageContext): string {
  const [first] = group;
  if (!first) return '';
  const alike = first.jobId === null ? null : context.jobs.get(first.jobId)?.errorLine;
  const head = `${group.length} × ${eventWords[first.event]}${alike ? `: ${alike}` : ''}`;
  const lines = group.slice(0, mostListed).map((notice) => `  ${describeNotice(notice, context)}`);
  const rest = group.length > mostListed ? [`  and ${group.length - mostListed} more`] : [];
  return [head, ...lines, ...rest].join('\n');
}

function describeNotice({ jobId, text }: Notice, { jobs, urlOf }: MessageContext): string {
  if (jobId === null) return text ?? '';
  const name = jobs.get(jobId)?.name ?? '(removed)';
  return `${name} ${urlOf(jobId)}${text === null ? '' : ` ${text}`}`;
}

function toData(notices: readonly Notice[], { rule, jobs, urlOf }: MessageContext): Record<string, unknown> {
  return {
    rule: rule.name,
    notices: notices.slice(0, 100).map(({ event, jobId, text, createdAt }) => ({
      event,
      at: createdAt.toISOString(),
      text,
      job: jobId === null ? null : { ...jobs.get(jobId), id: jobId, url: urlOf(jobId) },
    })),
    count: notices.length,
  };
}

function toValues({ event, jobId, text }: Notice, { rule, jobs, urlOf }: MessageContext): TemplateValues {
  const job = jobId === null ? undefined : jobs.get(jobId);
  return {
    event: eventWords[event],
    rule: rule.name,
    'job.id': jobId === null ? '' : String(jobId),
    'job.name': job?.name ?? text ?? '',
    'job.kind': job?.kind ?? '',
    'job.owner': job?.owner ?? '',
    'job.project': job?.project ?? '',
    'job.state': job?.state ?? '',
    'job.reason': job?.reason ?? '',
    'job.message': job?.message ?? '',
    'job.verdict': job?.verdict?.text ?? '',
    'job.errorLine': job?.errorLine ?? '',
    'job.url': jobId === null ? '' : urlOf(jobId),
  };
}
