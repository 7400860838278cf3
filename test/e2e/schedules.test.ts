import { beforeAll, expect, it } from 'vitest';
import type { Schedule } from '../../src/contract/schedule.ts';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { addLabScripts } from '../support/lab.ts';
import { pollUntil } from '../support/poll.ts';

describeInBrowser('schedules', () => {
  const suite = useBrowser();
  const read = async (name: string): Promise<Schedule> =>
    (await suite.server.call('GET', `/api/v1/schedules/${name}`)).json<Schedule>();

  beforeAll(() => addLabScripts(suite.server));

  it('are made with a preview of their moments, run at once, paused, changed and removed', async () => {
    const page = await suite.openAs();
    await page.goto('/schedules');
    await page.getByText('Nothing is submitted by the clock yet.').waitFor();
    await page.getByRole('link', { name: 'New schedule' }).first().click();
    await page.getByLabel('Name').first().fill('nightly');
    await page.getByLabel('Rule').fill('0 0 30 2 *');
    await page.getByText(/never due/).waitFor();
    await page.getByLabel('Rule').fill('30 2 * * *');
    await page.getByLabel('Time zone').fill('Europe/Berlin');
    const moments = page.getByRole('list', { name: 'Next moments' }).getByRole('listitem');
    await pollUntil(
      () => moments.allInnerTexts(),
      (texts) => texts.length === 5 && texts.every((text) => / 0[23]:[03]0:00 GMT/.test(text)),
    );
    await page.getByText(/Clocks are put forward by 60 minutes/).waitFor();
    await page.getByRole('combobox', { name: 'Script' }).fill('measure');
    await page.getByRole('option', { name: 'measure.sh' }).click();
    await page.getByRole('button', { name: 'Make the schedule' }).click();
    await page.waitForURL('**/schedules/nightly');
    expect(await read('nightly')).toMatchObject({
      cron: '30 2 * * *',
      timezone: 'Europe/Berlin',
      owner: 'admin',
    });

    await page.getByRole('button', { name: 'More for nightly' }).click();
    await page.getByRole('menuitem', { name: 'Run now' }).click();
    const run = page.getByRole('list', { name: 'Runs' }).getByRole('listitem').first();
    await run.getByText('succeeded').waitFor();
    await run.getByText('asked for by admin').waitFor();
    await page.getByRole('button', { name: 'Pause nightly' }).click();
    await page.getByText('paused', { exact: true }).waitFor();
    expect((await read('nightly')).nextAt).toBeNull();

    await page.getByRole('button', { name: 'More for nightly' }).click();
    await page.getByRole('menuitem', { name: 'Edit' }).click();
    expect(await page.getByRole('combobox', { name: 'Script' }).inputValue()).toBe('measure.sh');
    await page.getByRole('button', { name: 'hourly' }).click();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL('**/schedules/nightly');
    expect(await read('nightly')).toMatchObject({ cron: '0 * * * *', paused: true });

    await page.getByRole('link', { name: 'Its jobs' }).click();
    await page.getByRole('listitem').filter({ hasText: 'measure.sh' }).first().waitFor();
    await page.goto('/schedules/nightly');
    await page.getByRole('button', { name: 'More for nightly' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await page.waitForURL('**/schedules');
    await page.getByText('Nothing is submitted by the clock yet.').waitFor();
  });

  it('come from a crontab, each line answered for', async () => {
    const page = await suite.openAs();
    await page.goto('/schedules');
    await page.getByRole('button', { name: 'Import a crontab' }).click();
    await page.getByRole('textbox', { name: 'Crontab' }).fill('0 3 * * * measure.sh 4\n@reboot start.sh');
    await page.getByRole('button', { name: 'Look at it' }).click();
    const lines = page.getByRole('list', { name: 'Lines' });
    await lines.getByText('becomes measure.sh').waitFor();
    await lines.getByText(/is no time/).waitFor();
    await page.getByRole('button', { name: 'Make 1 schedule' }).click();
    await page.getByRole('list', { name: 'Schedules' }).getByRole('link', { name: 'measure.sh' }).waitFor();
  });
});
