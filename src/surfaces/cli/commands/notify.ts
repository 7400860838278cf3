import type { Command } from 'commander';
import { AppError } from '../../../contract/errors.ts';
import type {
  NotificationDelivery,
  NotificationPreview,
  NotificationRule,
} from '../../../contract/notification.ts';
import { defaultBody, defaultSubject } from '../../../contract/notification-facts.ts';
import { cleanText } from '../clean-text.ts';
import type { Client } from '../client.ts';
import {
  connectFor,
  examples,
  integerOption,
  listCommand,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { ExitError, UsageError } from '../errors.ts';
import { toFilter } from '../filter.ts';
import {
  toTellTerms,
  toTextTerms,
  withTellOptions,
  withTextOptions,
  type TellChoices,
  type TextChoices,
} from '../notify-terms.ts';
import {
  printDeliveries,
  printNotificationPreview,
  printNotificationRule,
  printNotificationRules,
} from '../notify-view.ts';
import { print, printJson, say } from '../output.ts';

type AddOptions = ServerOptions & TellChoices & { paused?: boolean };
type ChangeOptions = ServerOptions & TellChoices & { filter?: string; rename?: string };
type PreviewOptions = ServerOptions & TextChoices & { filter?: string };

const path = '/notification-rules';

export function registerNotify(program: Command, context: CliContext): void {
  const group = program
    .command('notify')
    .summary('tell people of jobs')
    .description(
      'Rules by which people are told of jobs: by mail, and for operators by web hook and MQTT. A rule is named by its name, or its number.',
    )
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples(
        'notify add solver kind:script args.script:solve.sh --on first_failure,recovered --email ana@lab.example',
        'notify add ops --on lost,disk_low --disk-below 20 --webhook https://chat.example/hook',
        'notify preview solver --subject "{{job.name}} of {{job.owner}}: {{event}}"',
        'notify test solver',
        'notify deliveries solver --failed',
      ),
    );
  const show = async (rule: NotificationRule, self: Command): Promise<void> => {
    if (self.opts<ServerOptions>().json) await printJson(context, rule);
    else await printNotificationRules(context, [rule]);
  };
  const change = async (named: string, body: Record<string, unknown>, self: Command): Promise<void> => {
    const client = await connectFor(context, self);
    const { id } = await findRule(client, named);
    await show(await client.send<NotificationRule>('PATCH', `${path}/${id}`, { body }), self);
  };

  withServer(listCommand(group, 'List rules: your own, for operators those of all.')).action(
    async (options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const answer = await client.get<{ items: NotificationRule[] }>(path);
      if (options.json) return printJson(context, answer);
      await printNotificationRules(context, answer.items);
    },
  );
  withServer(group.command('show <rule>').description('Show a rule with its template.')).action(
    async (named: string, options: ServerOptions, self: Command) => {
      const rule = await findRule(await connectFor(context, self), named);
      if (options.json) return printJson(context, rule);
      await printNotificationRule(context, rule);
    },
  );
  withServer(
    withTellOptions(
      group
        .command('add <name> [filter...]')
        .description('Tell somebody of the jobs of a filter, as you see them.'),
    ).option('--paused', 'tells nothing until it is resumed'),
  ).action(async (name: string, words: string[], options: AddOptions, self: Command) => {
    const terms = await toTellTerms(context, options);
    if (!('events' in terms)) throw new UsageError('--on is missing, such as --on failed,recovered.');
    if (!('channel' in terms)) throw new UsageError('Whom? For example --email ana@lab.example.');
    const body = { name, filter: toFilter(words), ...terms, paused: options.paused ?? false };
    const client = await connectFor(context, self);
    await show(await client.send<NotificationRule>('POST', path, { body }), self);
  });
  withServer(
    withTellOptions(group.command('change <rule>').description('Change a rule.'))
      .option('--filter <filter>', 'other jobs; "" for every job')
      .option('--rename <name>', 'call it so'),
  ).action(async (named: string, options: ChangeOptions, self: Command) => {
    const { rename } = options;
    const body = {
      ...(await toTellTerms(context, options)),
      ...filterOf(options),
      ...(rename === undefined ? {} : { name: rename }),
    };
    if (Object.keys(body).length === 0)
      throw new UsageError('What is to change? For example --on failed,recovered.');
    await change(named, body, self);
  });
  withServer(group.command('pause <rule>').description('Tell nothing.')).action(
    (named: string, _options: ServerOptions, self: Command) => change(named, { paused: true }, self),
  );
  withServer(group.command('resume <rule>').description('Tell again, of what comes from now on.')).action(
    (named: string, _options: ServerOptions, self: Command) => change(named, { paused: false }, self),
  );
  withServer(
    group
      .command('take-over <rule>')
      .description('Make it your own, when its owner is gone: it then tells of the jobs that you see.'),
  ).action((named: string, _options: ServerOptions, self: Command) =>
    change(named, { takeOver: true }, self),
  );
  withServer(group.command('remove <rule>').description('Remove a rule and what it sent.')).action(
    async (named: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const { id, name } = await findRule(client, named);
      await client.send('DELETE', `${path}/${id}`);
      if (!options.json) await print(context, `Rule "${cleanText(name)}" is removed.`);
    },
  );
  withServer(
    withTextOptions(
      group
        .command('preview [rule]')
        .description('Say what would be sent of the newest job; options stand for what the rule says.'),
    ).option('--filter <filter>', 'of these jobs'),
  ).action(async (named: string | undefined, options: PreviewOptions, self: Command) => {
    const said = { ...(await toTextTerms(context, options)), ...filterOf(options) };
    const client = await connectFor(context, self);
    const { name, filter, events, subject, body } =
      named === undefined ? newRule : await findRule(client, named);
    const preview = await client.send<NotificationPreview>('POST', `${path}/preview`, {
      body: { name, filter, events, subject, body, ...said },
    });
    if (options.json) return printJson(context, preview);
    await printNotificationPreview(context, preview);
  });
  withServer(
    group
      .command('test <rule>')
      .description('Send an example now; ends with 1 unless every receiver took it.'),
  ).action(async (named: string, options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const { id } = await findRule(client, named);
    const answer = await client.send<{ items: NotificationDelivery[] }>('POST', `${path}/${id}/test`);
    if (options.json) await printJson(context, answer);
    else
      await printDeliveries(context, answer.items, {
        empty: 'Nothing was sent: all receivers have unsubscribed.',
      });
    const isTaken = answer.items.length > 0 && answer.items.every(({ state }) => state === 'sent');
    if (!isTaken) throw new ExitError(1);
  });
  withServer(
    group
      .command('deliveries <rule>')
      .description('What it sent, the newest first, with what the receivers answered.')
      .option('--failed', 'only what was not taken: given up, or to be tried again')
      .option('--limit <number>', 'how many', '20'),
  ).action(
    async (named: string, options: ServerOptions & { failed?: boolean; limit: string }, self: Command) => {
      const limit = integerOption('--limit', options.limit, { min: 1, max: 200 });
      const client = await connectFor(context, self);
      const { id } = await findRule(client, named);
      const answer = await client.get<{ items: NotificationDelivery[] }>(`${path}/${id}/deliveries`, {
        query: { limit, refused: options.failed ?? false },
      });
      if (options.json) return printJson(context, answer);
      const empty = options.failed ? 'Everything was taken.' : 'It sent nothing yet.';
      await printDeliveries(context, answer.items, { empty });
    },
  );
  withServer(
    group
      .command('unsubscribe <link>')
      .description('Get no more of these, by the link at the end of a mail; needs no account.'),
  ).action(async (link: string, options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const done = await client.send<{ address: string; rule: string }>('POST', '/unsubscribe', {
      body: { token: toToken(link) },
    });
    if (options.json) return printJson(context, done);
    await say(context, `${cleanText(done.address)} gets no more mail of "${cleanText(done.rule)}".`);
  });
}

const newRule = {
  name: 'new',
  filter: '',
  events: ['failed'],
  subject: defaultSubject,
  body: defaultBody,
} as const;

function filterOf({ filter }: { filter?: string }): { filter?: string } {
  return filter === undefined ? {} : { filter: toFilter([filter]) };
}

/** Of the address as it stands in the mail, or copied from it. */
function toToken(link: string): string {
  return URL.parse(link)?.searchParams.get('token') ?? link;
}

/** Two people may each have a rule of one name. */
async function findRule(client: Client, named: string): Promise<NotificationRule> {
  const { items } = await client.get<{ items: NotificationRule[] }>(path);
  const alike = items.filter(({ name }) => name.toLowerCase() === named.toLowerCase());
  const found = alike.length === 0 ? items.filter(({ id }) => String(id) === named) : alike;
  const [rule, another] = found;
  const list = (rules: readonly NotificationRule[]): string =>
    rules.map(({ id, name, owner }) => `${id} "${cleanText(name)}" of ${cleanText(owner)}`).join(', ');
  if (another) throw new UsageError(`There are several called "${named}": ${list(found)}. Give the number.`);
  if (rule) return rule;
  throw new AppError('not_found', `There is no rule "${named}"; there are: ${list(items) || 'none'}.`);
}
