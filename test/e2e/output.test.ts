import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';
import { pollUntil } from '../support/poll.ts';

describeInBrowser('the output of a job', () => {
  const suite = useBrowser();

  beforeAll(() => addLabScripts(suite.server));

  it('is watched while it grows, and its end is seen', async () => {
    const id = await submitScript(suite.server, 'wait.sh', ['watched'], { name: 'Watched' });
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}/output`);
    const log = page.getByRole('log', { name: 'Output' });
    await log.getByText('waiting').waitFor();
    expect(await log.getByText('the file is there').count()).toBe(0);
    await submitScript(suite.server, 'touch.sh', ['watched']);
    await log.getByText('the file is there').waitFor();
    await page.getByText('succeeded').first().waitFor();
    expect(await log.getByText('waiting').count()).toBe(1);
  });

  it('a word is found inside a running output, and again further on', async () => {
    const id = await submitScript(suite.server, 'measure.sh', ['7', '4000', '0.002'], { name: 'Long' });
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}/output`);
    await page
      .getByRole('log', { name: 'Output' })
      .getByText(/of section 7/)
      .first()
      .waitFor();
    const search = page.getByRole('search');
    await search.getByRole('textbox', { name: 'Find in the output' }).fill('residual 0.01');
    await search.getByRole('textbox', { name: 'Find in the output' }).press('Enter');
    await page.getByRole('log').locator('mark').first().waitFor();
    const state = (await suite.server.call('GET', `/api/v1/jobs/${id}`)).json<{ state: string }>().state;
    expect(state).toBe('running');
    await suite.server.call('POST', `/api/v1/jobs/${id}/cancel`);
  });

  it('an address leads to a line in the middle of many', async () => {
    const id = await submitScript(suite.server, 'measure.sh', ['8', '5000'], { name: 'Many lines' });
    await untilState(suite.server, [id], 'succeeded');
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}/output#stdout-3000`);
    await page.getByRole('log').getByText('step 3000 of section 8').waitFor();
    expect(await page.getByRole('log').getByText('step 10 of section 8').count()).toBe(0);
    await page.getByRole('button', { name: 'To the end' }).click();
    await page.getByRole('log').getByText('the needle of section 8').waitFor();
    await page.getByRole('button', { name: 'To the start' }).click();
    await page.getByRole('log').getByText('section 8 begins').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  });

  it('a line of 20 MB is shown in pieces, from which one goes on and to its end', async () => {
    const text = `#!/usr/bin/env python3\nfor i in range(2500000): print('%07d ' % i, end='')\nprint()\n`;
    writeFileSync(join(suite.server.folder, 'scripts', 'long.py'), text, { mode: 0o755 });
    const id = await submitScript(suite.server, 'long.py', []);
    await untilState(suite.server, [id], 'succeeded');
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}/output`);
    const log = page.getByRole('log', { name: 'Output' });
    const scrollOn = (): Promise<number> =>
      log.evaluate((element) => {
        element.scrollTop = element.scrollHeight;
        return Math.max(...(element.textContent.match(/\d{7}/g) ?? []).map(Number));
      });
    await page.getByRole('button', { name: 'To the start' }).click();
    await log.getByText(/0000000 0000001 /).waitFor();
    await pollUntil(scrollOn, (last) => last > 500_000);
    await page.getByRole('button', { name: 'To the end' }).click();
    await pollUntil(scrollOn, (last) => last > 2_400_000);
  });

  it('a job is run again, edited, with the difference shown before', async () => {
    const id = await submitScript(suite.server, 'measure.sh', ['1'], { name: 'Once' });
    await untilState(suite.server, [id], 'succeeded');
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}`);
    await page.getByRole('button', { name: 'Run again …' }).click();
    await page.getByRole('dialog').getByRole('link', { name: 'Edit first …' }).click();
    await page.waitForURL(/\/submit\/script\?again=/);
    await page.getByLabel('Value 1').fill('2');
    await page.getByRole('button', { name: /^(Run again|Submit)$/ }).click();
    await page.waitForURL((url) => /^\/jobs\/\d+$/.test(url.pathname) && !url.pathname.endsWith(`/${id}`));
    await page.getByRole('link', { name: `again of ${id}` }).waitFor();
    const again = Number(/\/jobs\/(\d+)/.exec(page.url())?.[1]);
    await untilState(suite.server, [again], 'succeeded');
    const answer = await suite.server.call('GET', `/api/v1/jobs/${again}/output/stdout`);
    expect(answer.text).toContain('section 2 begins');
  });
});
