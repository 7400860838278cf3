import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { describeInBrowser, seriousFindings, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';

describeInBrowser('a queue that drains', () => {
  const suite = useBrowser();

  beforeAll(() => addLabScripts(suite.server));

  it('shows how far it is, refuses a submit at its field, and takes jobs again', async () => {
    const ids = [
      await submitScript(suite.server, 'wait.sh', ['the-file']),
      await submitScript(suite.server, 'wait.sh', ['the-file']),
    ];
    const page = await suite.openAs();
    await page.goto('/queues');
    const row = page.getByRole('listitem').filter({ hasText: 'default' }).first();
    await page.getByRole('button', { name: 'More for the queue default' }).click();
    await page.getByRole('menuitem', { name: 'Drain' }).click();
    await row.getByText('draining', { exact: true }).waitFor();
    await row.getByText('2 of 2 jobs left to run').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.goto('/submit/script?input.script=measure.sh');
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page
      .getByText(/the queue "default" takes no new jobs|takes no new jobs, it only runs/)
      .first()
      .waitFor();
    expect(page.url()).toContain('/submit/script');
    writeFileSync(join(suite.server.folder, 'homedir', 'the-file'), '');
    await untilState(suite.server, ids, 'succeeded');
    await page.goto('/queues');
    await row.getByText('drained', { exact: true }).waitFor();
    await row.getByText('Takes no new jobs; nothing is left to run').waitFor();
    await page.getByRole('button', { name: 'More for the queue default' }).click();
    await page.getByRole('menuitem', { name: 'Take jobs again' }).click();
    await row.getByText('drained', { exact: true }).waitFor({ state: 'detached' });
    await submitScript(suite.server, 'measure.sh', ['1']);
  });
});
