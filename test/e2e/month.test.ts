import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import type { View } from '../../src/contract/view.ts';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';
import { pollUntil } from '../support/poll.ts';

describeInBrowser('looking back', () => {
  const suite = useBrowser();
  let good: number[];
  let bad: number[];

  beforeAll(async () => {
    addLabScripts(suite.server);
    good = [];
    bad = [];
    for (const section of ['1', '2', '3']) {
      good.push(await submitScript(suite.server, 'measure.sh', [section]));
      bad.push(await submitScript(suite.server, 'diverge.sh', [section]));
    }
    await untilState(suite.server, good, 'succeeded');
    await untilState(suite.server, bad, 'failed');
  });

  it('the month is charted by state, and saved as table and as picture', async () => {
    const page = await suite.openAs();
    await page.goto('/charts');
    await page.getByRole('button', { name: 'This month' }).click();
    await page.waitForURL(/range=month/);
    const panel = page.locator('section').filter({ has: page.getByRole('heading', { name: /^Jobs per/ }) });
    await panel.getByRole('list', { name: 'Groups' }).getByText('succeeded').waitFor();
    const csv = page.waitForEvent('download');
    await panel.getByRole('button', { name: /^CSV of/ }).click();
    // Days are quoted, since they have commas in them.
    const table = readFileSync(await (await csv).path(), 'utf8')
      .replaceAll(/"[^"]*"/g, 'day')
      .trim()
      .split('\r\n');
    expect(table[0]).toMatch(/succeeded,.*failed|failed,.*succeeded/);
    const head = table[0]?.split(',') ?? [];
    const sumOf = (state: string): number =>
      table.slice(1).reduce((sum, row) => sum + Number(row.split(',')[head.indexOf(state)]), 0);
    expect([sumOf('succeeded'), sumOf('failed')]).toEqual([3, 3]);
    const png = page.waitForEvent('download');
    await panel.getByRole('button', { name: /^PNG of/ }).click();
    const picture = readFileSync(await (await png).path());
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect(picture.length).toBeGreaterThan(5_000);
  });

  it('a family of failures is run again from its own page', async () => {
    const page = await suite.openAs();
    await page.goto('/failures');
    const family = page.getByRole('list', { name: 'Families of failures' }).getByRole('listitem').first();
    await family
      .getByText(/diverged/)
      .first()
      .waitFor();
    await family.getByRole('button', { name: /^Retry all/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
    await page
      .getByRole('region', { name: 'Actions on many jobs' })
      .getByRole('button', { name: 'Now' })
      .click();
    await pollUntil(
      () =>
        Promise.all(
          bad.map(async (id) =>
            (await suite.server.call('GET', `/api/v1/jobs/${id}`)).json<{ attempt: number; state: string }>(),
          ),
        ),
      (jobs) => jobs.every(({ attempt, state }) => attempt === 2 && state === 'failed'),
    );
  });

  it('a view is saved, shared, renamed, opened and removed', async () => {
    const page = await suite.openAs();
    const views = async (): Promise<View[]> =>
      (await suite.server.call('GET', '/api/v1/views')).json<{ items: View[] }>().items;
    await page.goto(`/?q=${encodeURIComponent('state:failed')}`);
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByRole('menuitem', { name: /^Save this filter/ }).click();
    await page.getByLabel('Name of the view').fill('crashes');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByRole('menuitem', { name: /change views/ }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Share crashes' }).click();
    await pollUntil(views, ([view]) => view?.shared === true);
    await dialog.getByRole('button', { name: 'Rename crashes' }).click();
    await dialog.getByLabel('New name of crashes').fill('what failed');
    await dialog.getByRole('button', { name: 'Rename', exact: true }).click();
    await pollUntil(views, (all) => all.length === 1 && all[0]?.name === 'what failed');
    await page.keyboard.press('Escape');
    await page.goto('/');
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByRole('menuitemcheckbox', { name: /what failed/ }).click();
    await page.waitForURL(/q=state/);
    await page.getByRole('button', { name: 'Saved views' }).click();
    await page.getByRole('menuitem', { name: /change views/ }).click();
    await page.getByRole('button', { name: 'Remove what failed' }).click();
    await pollUntil(views, (all) => all.length === 0);
  });

  it('hundreds of jobs are tagged as a job of its own, whose progress is shown', async () => {
    const lines = Array.from({ length: 260 }, (_, index) =>
      JSON.stringify({
        source: 'lab',
        id: String(index),
        name: `old run ${index}`,
        owner: 'admin',
        state: 'succeeded',
        submittedAt: '2026-01-02T03:04:05Z',
        startedAt: '2026-01-02T03:04:06Z',
        endedAt: '2026-01-02T03:05:05Z',
      }),
    ).join('\n');
    const imported = await suite.server.call('POST', '/api/v1/import', lines, {
      'content-type': 'application/x-ndjson',
    });
    expect(imported.status, imported.text).toBe(200);
    const page = await suite.openAs();
    await page.goto(`/?q=${encodeURIComponent('"old run"')}`);
    await page
      .getByRole('checkbox', { name: /^Select job/ })
      .first()
      .check();
    const bar = page.getByRole('toolbar', { name: 'Selected jobs' });
    await bar.getByRole('button', { name: /^All that match/ }).click();
    await bar.getByRole('button', { name: 'Tag', exact: true }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Tag 260 jobs?').waitFor();
    await dialog.getByRole('textbox').first().fill('archive');
    await page.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Tag', exact: true }).click();
    const region = page.getByRole('region', { name: 'Actions on many jobs' });
    await region.getByRole('button', { name: 'Now' }).click();
    await region.getByText(/260 of 260 jobs/).waitFor();
    const tagged = await suite.server.call('GET', `/api/v1/jobs?limit=500&q=tag%3Aarchive`);
    expect(tagged.json<{ items: unknown[] }>().items).toHaveLength(260);
  });
});
