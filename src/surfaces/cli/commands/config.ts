import type { Command } from 'commander';
import { examples } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { printJson, say } from '../output.ts';
import { printTable } from '../table.ts';

export function registerConfig(program: Command, context: CliContext): void {
  program
    .command('config')
    .summary('show the effective settings')
    .description(
      'Shows every setting of a server started here: its value, secrets masked, and where that came from.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('config', 'config --json'))
    .action(async (options: { json?: boolean }) => {
      const { readConfig } = await context.loadConfiguration();
      const { describeConfig } = await import('../../../config/config.ts');
      const config = readConfig(context.env);
      for (const warning of config.warnings) await say(context, `daybook: ${warning}`);
      const rows = describeConfig(config);
      if (options.json) return printJson(context, rows);
      await printTable(
        context,
        rows,
        [
          { title: 'SETTING', cell: ({ name }) => name },
          { title: 'VALUE', cell: ({ value }) => value || '-', isWhole: true },
          { title: 'FROM', cell: ({ origin }) => origin },
        ],
        { empty: '' },
      );
    });
}
