import type { Command } from 'commander';
import { isAppError } from '../../../contract/errors.ts';
import type { Finding, Level } from '../../../contract/finding.ts';
import { examples } from '../command-parts.ts';
import type { CliContext } from '../context.ts';
import { ExitError } from '../errors.ts';
import { painter, print, printJson } from '../output.ts';

const exitCodeOf: Record<Level, number> = { ok: 0, warn: 1, bad: 2 };
const styleOf = { ok: 'green', warn: 'yellow', bad: 'red' } as const;

export function registerDoctor(program: Command, context: CliContext): void {
  program
    .command('doctor')
    .summary('say what is wrong here and what to do')
    .description(
      'Looks at database, launcher, disk, ports, clock, users and configuration of a server on this machine, running or not. Changes nothing. Ends with 0 when all is well, 1 with warnings, 2 when something is bad.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples('doctor', 'doctor --json'))
    .action(async (options: { json?: boolean }) => {
      const findings = await look(context);
      if (options.json) await printJson(context, { findings });
      else for (const finding of findings) await print(context, describe(context, finding));
      const code = Math.max(...findings.map(({ level }) => exitCodeOf[level]));
      if (code > 0) throw new ExitError(code);
    });
}

async function look(context: CliContext): Promise<Finding[]> {
  try {
    const { readConfig } = await context.loadConfiguration();
    const config = readConfig(context.env);
    const { diagnose } = await context.loadLocalMachine();
    return await diagnose(config);
  } catch (error) {
    if (!isAppError(error) || error.code !== 'configuration') throw error;
    return error.details.map(({ message }) => ({
      area: 'configuration',
      level: 'bad',
      text: `${message}.`,
      advice: 'Correct it; nothing else was looked at.',
    }));
  }
}

function describe(context: CliContext, { area, level, text, advice }: Finding): string {
  const paint = painter(context.stdout, context.env);
  const line = `${paint(styleOf[level], level.padEnd(4))}  ${area.padEnd(13)}  ${text}`;
  return advice === null ? line : `${line}\n${' '.repeat(21)}→ ${advice}`;
}
