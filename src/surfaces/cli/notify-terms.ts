import type { Command } from 'commander';
import type { NotificationChannel } from '../../contract/notification.ts';
import { notificationEvents, type NotificationEvent } from '../../contract/notification-facts.ts';
import { collect } from './command-parts.ts';
import type { CliContext } from './context.ts';
import { UsageError } from './errors.ts';
import { readText } from './text-input.ts';
import { durationOption } from './time.ts';

/** What a rule tells of, in which words. */
export interface TextChoices {
  on?: string;
  subject?: string;
  body?: string;
}

/** Whom it tells, and when. */
export interface TellChoices extends TextChoices {
  email?: string[];
  webhook?: string;
  mqtt?: string;
  digest?: string;
  stuck?: string;
  diskBelow?: string;
}

export function withTextOptions(command: Command): Command {
  return command
    .option('--on <events>', `of what, with commas between: ${notificationEvents.join(', ')}`)
    .option('--subject <template>', 'one line, like "{{job.name}}: {{event}}"')
    .option('--body <file>', 'the template of the text; - reads standard input');
}

export function withTellOptions(command: Command): Command {
  return withTextOptions(command)
    .option('--email <address>', 'by mail; may be repeated', collect)
    .option('--webhook <url>', 'by a signed POST to this address')
    .option('--mqtt <topic>', 'by a message to this topic')
    .option('--digest <time>', 'gather so long, then tell at once: 10m, 1h; "none": tell each')
    .option('--stuck <time>', 'with the event stuck: silent for so long')
    .option('--disk-below <GiB>', 'with the event disk_low: when less is free');
}

/** Only what was said. @throws UsageError */
export async function toTextTerms(
  context: CliContext,
  { on, subject, body }: TextChoices,
): Promise<Record<string, unknown>> {
  return {
    ...(on === undefined ? {} : { events: toEvents(on) }),
    ...(subject === undefined ? {} : { subject }),
    ...(body === undefined ? {} : { body: await readText(context, '--body', body) }),
  };
}

/** Only what was said. @throws UsageError */
export async function toTellTerms(
  context: CliContext,
  choices: TellChoices,
): Promise<Record<string, unknown>> {
  const { digest, stuck, diskBelow } = choices;
  const channel = toChannel(choices);
  return {
    ...(await toTextTerms(context, choices)),
    ...(channel ? { channel } : {}),
    ...(digest === undefined ? {} : { digestMinutes: digest === 'none' ? 0 : toMinutes('--digest', digest) }),
    ...(stuck === undefined ? {} : { stuckMinutes: toMinutes('--stuck', stuck) }),
    ...(diskBelow === undefined ? {} : { diskBelowGib: toGib(diskBelow) }),
  };
}

function toEvents(text: string): NotificationEvent[] {
  return text.split(',').map((name) => {
    const event = notificationEvents.find((known) => known === name.trim());
    if (event) return event;
    throw new UsageError(`--on: nothing is called "${name}"; expected ${notificationEvents.join(', ')}.`);
  });
}

function toChannel({ email, webhook, mqtt }: TellChoices): NotificationChannel | null {
  const named: NotificationChannel[] = [
    ...(email === undefined ? [] : [{ type: 'email' as const, to: email }]),
    ...(webhook === undefined ? [] : [{ type: 'webhook' as const, url: webhook }]),
    ...(mqtt === undefined ? [] : [{ type: 'mqtt' as const, topic: mqtt }]),
  ];
  if (named.length > 1)
    throw new UsageError('A rule tells in one way: by --email, by --webhook or by --mqtt.');
  return named[0] ?? null;
}

function toMinutes(option: string, text: string): number {
  const minutes = durationOption(option, text) / 60_000;
  if (Number.isInteger(minutes)) return minutes;
  throw new UsageError(`${option} is "${text}"; expected whole minutes, like 10m or 1h.`);
}

function toGib(text: string): number {
  const gib = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (gib > 0) return gib;
  throw new UsageError(`--disk-below is "${text}"; expected a number of GiB, like 20.`);
}
