import { expect, it } from 'vitest';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { pollUntil } from '../support/poll.ts';

describeInBrowser('retention rules', () => {
  const suite = useBrowser();

  /** A job that ended some days ago and printed a line. */
  async function oldJob(name: string, daysAgo: number): Promise<number> {
    const ago = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();
    const line = JSON.stringify({
      source: 'lab',
      id: name,
      name,
      owner: 'ana',
      submittedAt: ago(daysAgo + 1),
      endedAt: ago(daysAgo),
      state: 'succeeded',
      stdout: 'the lift is 0.52 kN\n',
    });
    const answer = await suite.server.call('POST', '/api/v1/import', line, {
      'content-type': 'application/x-ndjson',
    });
    return JSON.parse(answer.text.split('\n')[0] ?? '').jobId;
  }

  it('are made by form with a preview that follows, and stand with when they take effect', async () => {
    const id = await oldJob('Wing of last year', 400);
    const kept = await oldJob('Wing of the thesis', 400);
    await suite.server.call('PATCH', `/api/v1/jobs/${kept}`, { keep: true });
    const page = await suite.openAs();
    await page.goto('/settings/retention');
    await page.getByText('There is no rule: the diary keeps everything.').waitFor();
    await page.getByRole('button', { name: 'New rule' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('Old output');
    const preview = dialog.getByRole('region', { name: 'What would go now' });
    await preview.getByText('1 job, 20 B of output would go now').waitFor();
    await preview.getByText('1 more is protected by keep.').waitFor();
    await dialog.getByLabel('Ended more than so many days ago').fill('500');
    await dialog.getByLabel('Ended more than so many days ago').blur();
    await preview.getByText('Nothing would go now').waitFor();
    await dialog.getByLabel('Ended more than so many days ago').fill('90');
    await dialog.getByLabel('Ended more than so many days ago').blur();
    await dialog.getByRole('combobox', { name: 'Filter' }).fill('owner:nobody');
    await preview.getByText('Nothing would go now').waitFor();
    await dialog.getByRole('combobox', { name: 'Filter' }).fill('owner:ana');
    await preview.getByText('1 job, 20 B of output would go now').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await dialog.getByRole('button', { name: 'Announce' }).click();
    const rule = page.getByRole('list', { name: 'Rules' }).getByRole('listitem').first();
    await rule.getByText('Removes only the output of jobs that ended more than 90 days ago').waitFor();
    await rule.getByText(/^takes effect in 2[34] h$/).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.goto(`/jobs/${id}`);
    await page.getByText(/by rule Old output$/).waitFor();
    await page.goto(`/jobs/${kept}`);
    await page.getByText('Output', { exact: true }).first().waitFor();
    expect(await page.getByText(/by rule Old output/).count()).toBe(0);
  });

  it('are applied, and what they took is shown as a gap in the output', { timeout: 60_000 }, async () => {
    const id = await oldJob('Wing of the year before', 700);
    const answer = await suite.server.call('POST', '/api/v1/retention-rules', {
      name: 'Two years',
      filter: 'name:"Wing of the year before"',
      olderThanDays: 600,
      removes: 'output',
      effectiveFrom: new Date().toISOString(),
    });
    expect(answer.status).toBe(201);
    await pollUntil(
      async () => (await suite.server.call('GET', `/api/v1/jobs/${id}/output/stdout`)).text,
      (text) => text.includes('removed by retention rule "Two years"'),
      { deadlineMs: 40_000 },
    );
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}/output`);
    await page.getByText(/Output is missing here: removed by retention rule "Two years" on/).waitFor();
    await page.goto(`/jobs/${id}`);
    await page.getByText('20 B; removed by rule Two years').waitFor();
    await page.goto('/settings/retention');
    await page
      .getByRole('list', { name: 'Runs of Two years' })
      .getByText(/1 job, 20 B of output/)
      .waitFor();
    await page.getByRole('switch', { name: 'Two years is on' }).click();
    await page.getByText('off', { exact: true }).waitFor();
  });
});
