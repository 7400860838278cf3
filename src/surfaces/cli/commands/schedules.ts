import type { Command } from 'commander';
import type { CrontabImport, Schedule, SchedulePreview, ScheduleRun } from '../../../contract/schedule.ts';
import { cleanText } from '../clean-text.ts';
import {
  connectFor,
  examples,
  integerOption,
  listCommand,
  segment,
  withServer,
  type ServerOptions,
} from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { ExitError, UsageError } from '../errors.ts';
import { withJobOptions } from '../job-options.ts';
import { NamesFirst } from '../names-first.ts';
import { print, printJson } from '../output.ts';
import { withRunOptions } from '../run-options.ts';
import { printCrontab, printPreview, printRuns, printSchedules } from '../schedule-view.ts';
import { toTerms, withTermOptions, type TermChoices } from '../schedule-terms.ts';
import { toSubmitBody, type SubmitChoices } from '../submit-body.ts';
import { readText } from '../text-input.ts';

type AddOptions = ServerOptions & TermChoices & SubmitChoices & { paused?: boolean };
type ChangeOptions = ServerOptions & TermChoices & { cron?: string; rename?: string };
type ImportOptions = ServerOptions & { timezone?: string; system?: boolean; dryRun?: boolean };

export function registerSchedules(program: Command, context: CliContext): void {
  const group = program
    .command('schedule')
    .alias('schedules')
    .summary('submit jobs by the clock')
    .enablePositionalOptions()
    .addHelpText(
      'after',
      examples(
        'schedule add nightly "0 3 * * *" backup.sh /srv',
        'schedule add hourly @hourly --timezone Europe/Madrid --blackout "sat,sun 00:00-24:00" sync.sh',
        'schedule add shop "*/5 * * * *" --kind url --input \'{"urls": ["https://shop.example"]}\'',
        'schedule preview "30 2 * * *" --timezone Europe/Berlin',
        'schedule pause nightly',
        'schedule import my.crontab --dry-run',
      ),
    );
  const change = async (name: string, body: Record<string, unknown>, self: Command): Promise<void> => {
    const client = await connectFor(context, self);
    const changed = await client.send<Schedule>('PATCH', `/schedules/${segment(name)}`, { body });
    if (self.opts<ServerOptions>().json) await printJson(context, changed);
    else await printSchedules(context, [changed]);
  };

  withServer(listCommand(group, 'List schedules.')).action(async (options: ServerOptions, self: Command) => {
    const client = await connectFor(context, self);
    const answer = await client.get<{ items: Schedule[] }>('/schedules');
    if (options.json) return printJson(context, answer);
    await printSchedules(context, answer.items);
  });

  const add = new NamesFirst('add', { names: 2, isStrict: true })
    .copyInheritedSettings(group)
    .arguments('<name> <cron> [script] [args...]')
    .description(
      'Make a schedule. Options stand before the script; everything after it reaches it exactly as given.',
    )
    .option('--paused', 'not due until it is resumed');
  group.addCommand(add);
  withServer(withRunOptions(withJobOptions(withTermOptions(add)))).action(
    async (
      name: string,
      cron: string,
      script: string | undefined,
      args: string[],
      options: AddOptions,
      self: Command,
    ) => {
      const { name: jobName, ...choices } = options;
      const submit = await toSubmitBody(context, {
        script,
        args,
        ...choices,
        ...(jobName === undefined ? {} : { name: jobName }),
      });
      const client = await connectFor(context, self);
      const body = { name, cron, submit, paused: options.paused ?? false, ...toTerms(options) };
      const added = await client.send<Schedule>('POST', '/schedules', { body });
      if (options.json) await printJson(context, added);
      else await printSchedules(context, [added]);
    },
  );

  withServer(
    withTermOptions(
      group
        .command('change <name>')
        .description('Change when it is due; it is due from now on.')
        .option('--cron <rule>', 'five fields, six with seconds first, or @daily and its like')
        .option('--rename <name>', 'call it so'),
    ),
  ).action(async (name: string, options: ChangeOptions, self: Command) => {
    const { cron, rename } = options;
    const body = {
      ...toTerms(options),
      ...(cron === undefined ? {} : { cron }),
      ...(rename === undefined ? {} : { name: rename }),
    };
    if (Object.keys(body).length === 0)
      throw new UsageError('What is to change? For example --cron "0 4 * * *".');
    await change(name, body, self);
  });
  withServer(group.command('pause <name>').description('Let nothing of it be due.')).action(
    (name: string, _options: ServerOptions, self: Command) => change(name, { paused: true }, self),
  );
  withServer(group.command('resume <name>').description('Let it be due again, from now on.')).action(
    (name: string, _options: ServerOptions, self: Command) => change(name, { paused: false }, self),
  );
  withServer(
    group
      .command('take-over <name>')
      .description('Make it your own, when its owner is gone: it then submits in your name.'),
  ).action((name: string, _options: ServerOptions, self: Command) => change(name, { takeOver: true }, self));
  withServer(group.command('remove <name>').description('Remove it; its jobs stay.')).action(
    async (name: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      await client.send('DELETE', `/schedules/${segment(name)}`);
      if (!options.json) await print(context, `Schedule ${cleanText(name)} is removed.`);
    },
  );
  withServer(group.command('run <name>').description('Submit its job now, besides the due ones.')).action(
    async (name: string, options: ServerOptions, self: Command) => {
      const client = await connectFor(context, self);
      const run = await client.send<ScheduleRun>('POST', `/schedules/${segment(name)}/run`);
      if (options.json) await printJson(context, run);
      else await printRuns(context, [run]);
      if (run.outcome === 'refused') throw new ExitError(1);
    },
  );
  withServer(
    group
      .command('history <name>')
      .description('What became of its moments, the newest first.')
      .option('--limit <number>', 'how many', '20'),
  ).action(async (name: string, options: ServerOptions & { limit: string }, self: Command) => {
    const client = await connectFor(context, self);
    const limit = integerOption('--limit', options.limit, { min: 1, max: 500 });
    const answer = await client.get<{ items: ScheduleRun[] }>(`/schedules/${segment(name)}/runs`, {
      query: { limit },
    });
    if (options.json) return printJson(context, answer);
    await printRuns(context, answer.items);
  });
  withServer(
    withTermOptions(group.command('preview <cron>').description('When a rule would be due.')).option(
      '--count <number>',
      'how many moments',
      '10',
    ),
  ).action(async (cron: string, options: ServerOptions & TermChoices & { count: string }, self: Command) => {
    const client = await connectFor(context, self);
    const { note: _, ...terms } = toTerms(options);
    const count = integerOption('--count', options.count, { min: 1, max: 100 });
    const preview = await client.send<SchedulePreview>('POST', '/schedules/preview', {
      body: { cron, count, ...terms },
    });
    if (options.json) return printJson(context, preview);
    await printPreview(context, preview);
  });
  withServer(
    group
      .command('import <file>')
      .description('Make schedules of the lines of a crontab; - reads standard input.')
      .option('--timezone <zone>', 'of lines above which no CRON_TZ stands')
      .option('--system', 'a sixth field names a user, as in /etc/crontab')
      .option('--dry-run', 'tell what would be made'),
  ).action(async (file: string, options: ImportOptions, self: Command) => {
    const crontab = await readText(context, 'FILE', file);
    const client = await connectFor(context, self);
    const { timezone, system = false, dryRun = false } = options;
    const answer = await client.send<CrontabImport>('POST', '/schedules/import', {
      body: { crontab, hasUser: system, dryRun, ...(timezone === undefined ? {} : { timezone }) },
    });
    if (options.json) await printJson(context, answer);
    else await printCrontab(context, answer, { dryRun });
    if (answer.items.some(({ problem }) => problem !== null)) throw new ExitError(1);
  });
}
