import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from './program.ts';
import { createTestContext, runCommand } from './test-context.ts';

describe('usage', () => {
  it.each([
    [['sumbit', 'x.sh'], 'Did you mean submit?'],
    [['jobs', '--stat', 'failed'], 'Did you mean --state?'],
    [['queue', 'pawse', 'x'], 'There is no "queue pawse"; expected one of list, create, pause'],
    [['jobs', '--limit', 'many'], '--limit is "many"; expected a whole number from 1 to 500'],
    [['job', '../users'], '"../users" is no job'],
    [['job'], "missing required argument 'id'"],
    [['schedule', 'preview', '-5 * * * *'], 'put -- before it'],
    [['submit'], 'Which script?'],
    [['submit', '--kind', 'url'], '--kind url needs --input'],
    [['submit', '--input', '{', '--kind', 'url'], '--input is no JSON'],
    [['submit', '--env', 'NAME', 'x.sh'], '--env is "NAME"; expected NAME=value.'],
    [['submit', '--run-at', 'soon', 'x.sh'], '--run-at is "soon"'],
    [['submit', '--stdin', '/does/not/exist', 'x.sh'], '/does/not/exist cannot be read (ENOENT)'],
    [['logs', '1', '--stream', 'both'], '--stream is "both"; expected stdout or stderr.'],
    [['logs', '1', '--raw'], '--raw needs --stream'],
    [['serve', '--roles', 'web,wroker'], '--roles names "wroker"; expected web, worker.'],
    [['completion', 'tcsh'], '"tcsh" is no shell'],
    [['jobs', '--url', 'ftp://x'], 'The server\'s address is "ftp://x"'],
    [['jobs', '--user', 'ana'], 'set DAYBOOK_PASSWORD or DAYBOOK_TOKEN'],
    [['user', 'set', 'ana', '--enable', '--disable'], 'Either --disable or --enable'],
  ])('%j ends with 2 and says why', async (args, message) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^daybook: /);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  it('help is no error', async () => {
    const { code, stdout } = await runCommand(['help', 'submit']);
    expect(code).toBe(0);
    expect(stdout).toContain('Usage: daybook submit');
    expect((await runCommand(['--help'])).stdout).toContain('Exit codes:');
  });

  it('every command has a description, and examples by itself or in its group', () => {
    const visit = (command: Command): void => {
      expect(`${command.name()}: ${command.description() || command.summary()}`).not.toMatch(/: $/);
      for (const child of command.commands) visit(child);
    };
    const program = createProgram(createTestContext());
    visit(program);
    for (const command of program.commands) {
      let help = '';
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(`${command.name()}: ${help}`).toContain('Examples:\n  $ daybook ');
    }
  });
});

describe('completion', () => {
  const complete = async (...words: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await runCommand(['complete', '--', ...words], {
      env: { DAYBOOK_URL: 'localhost:9', DAYBOOK_USER: 'ana' },
      isTerminal: true,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.split('\n').filter((line) => line !== '');
  };

  it('offers commands, those of groups, and options, each only where it can stand', async () => {
    expect(await complete('jo')).toEqual(['job', 'jobs']);
    expect(await complete('queue', 'pa')).toEqual(['pause']);
    expect(await complete('queues', 'pa')).toEqual(['pause']);
    expect(await complete('submit', '--idem')).toEqual(['--idempotency-key']);
    expect(await complete('--url', 'http://x', 'log')).toEqual(['logs']);
    expect(await complete('complet')).toEqual(['completion']);
    expect(await complete('run', '--', 'jo')).toEqual([]);
  });

  it('offers the values of an option, also behind an equals sign, whether cut there or not', async () => {
    expect(await complete('jobs', '--state', 'fa')).toEqual(['failed']);
    expect(await complete('jobs', '--state', '=', 'li')).toEqual(['live']);
    expect(await complete('logs', '--stream', '=')).toEqual(['stderr', 'stdout']);
    expect(await complete('jobs', '--state=fa')).toEqual(['--state=failed']);
    expect(await complete('jobs', '--limit=')).toEqual([]);
    expect(await complete('run', '--', '--state=fa')).toEqual([]);
    expect(await complete('completion', '')).toEqual(['bash', 'fish', 'zsh']);
  });

  it('without a server, or a password for it, offers no jobs, and neither asks nor complains', async () => {
    expect(await complete('logs', '')).toEqual([]);
  });
});

describe('a server that is not there', () => {
  it('is one sentence with the address and how to start one', async () => {
    const { code, stdout, stderr } = await runCommand(['jobs'], { env: { DAYBOOK_URL: 'localhost:9' } });
    expect(code).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toMatch(
      /^daybook: No Daybook server answers at http:\/\/localhost:9.* "daybook serve".*\n$/,
    );
  });
});
