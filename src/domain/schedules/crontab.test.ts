import { expect, it } from 'vitest';
import { parseCrontab } from './crontab.ts';

it('reads entries, variables, zones, standard input and nicknames', () => {
  const text = [
    '# every night',
    'PATH=/usr/bin:/bin',
    'GREETING = "hello world"',
    'MAILTO=ops@example.org',
    '',
    '0 3 * * * backup.sh --to /srv%first%second \\% third',
    'CRON_TZ=Europe/Madrid',
    '@daily\ttidy.sh',
  ].join('\r\n');
  expect(parseCrontab(text, { hasUser: false })).toEqual([
    {
      line: 6,
      text: '0 3 * * * backup.sh --to /srv%first%second \\% third',
      cron: '0 3 * * *',
      timezone: null,
      env: { PATH: '/usr/bin:/bin', GREETING: 'hello world' },
      command: 'backup.sh --to /srv',
      shell: null,
      stdin: 'first\nsecond % third\n',
    },
    expect.objectContaining({
      line: 8,
      cron: '@daily',
      timezone: 'Europe/Madrid',
      command: 'tidy.sh',
      stdin: null,
    }),
  ]);
});

it('takes the user of a system crontab away', () => {
  expect(parseCrontab('17 * * * * root cd / && run-parts', { hasUser: true })).toEqual([
    expect.objectContaining({ cron: '17 * * * *', command: 'cd / && run-parts' }),
  ]);
});

it('says of a line what is wrong', () => {
  expect(parseCrontab('0 3 * *\n@reboot start.sh\n@hourly', { hasUser: false })).toEqual([
    { line: 1, text: '0 3 * *', problem: 'expected a time and a command' },
    { line: 2, text: '@reboot start.sh', problem: expect.stringContaining('no time') },
    { line: 3, text: '@hourly', problem: 'expected a time and a command' },
  ]);
});
