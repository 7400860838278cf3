import { beforeAll, expect, it } from 'vitest';
import { describeInBrowser, useBrowser } from '../support/browser.ts';
import { addLabScripts, submitScript, untilState } from '../support/lab.ts';
import { pollUntil } from '../support/poll.ts';

interface JobAnswer {
  state: string;
  assessment: string | null;
  analysis: string | null;
  attempt: number;
}

describeInBrowser('what people do with jobs', () => {
  const suite = useBrowser();
  const readJob = async (id: number): Promise<JobAnswer> =>
    (await suite.server.call('GET', `/api/v1/jobs/${id}`)).json<JobAnswer>();

  beforeAll(() => addLabScripts(suite.server));

  it('a script is submitted by form, with a preview of exactly what runs', async () => {
    const page = await suite.openAs();
    await page.goto('/submit');
    await page.getByRole('combobox', { name: 'Script' }).fill('measure');
    await page.getByRole('option', { name: 'measure.sh' }).click();
    await page.getByRole('button', { name: 'Argument', exact: true }).click();
    await page.getByLabel('Value 1').fill("'two words' 3");
    const argv = page.getByRole('list', { name: 'Argument vector' }).getByRole('listitem');
    expect((await argv.allInnerTexts()).map((text) => text.trim())).toEqual(['measure.sh', 'two words', '3']);
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.waitForURL(/\/jobs\/\d+/);
    await page.getByText('succeeded').first().waitFor();
    const id = Number(/\/jobs\/(\d+)/.exec(page.url())?.[1]);
    const answer = await suite.server.call('GET', `/api/v1/jobs/${id}/output/stdout`);
    expect(answer.text).toContain('section two words begins');
  });

  it('an address fills the form, and what the server refuses stands at its field', async () => {
    const page = await suite.openAs();
    await page.goto('/submit/script?input.script=measure.sh&project=3001234');
    expect(await page.getByRole('combobox', { name: 'Script' }).inputValue()).toBe('measure.sh');
    await page.getByRole('button', { name: 'Argument', exact: true }).click();
    await page.getByLabel('Value 1').fill("'never closed");
    await page.getByRole('alert').first().waitFor();
  });

  it('what somebody wrote about a job is shown as Markdown, and cannot cover the page', async () => {
    const id = await submitScript(suite.server, 'measure.sh', ['1']);
    await untilState(suite.server, [id], 'succeeded');
    const cover = 'position:fixed;inset:0;z-index:9999;background:white';
    const summary = [
      '**Why** it ran, [the report](https://example.org/r) and `code`',
      '',
      `<div style="${cover}" class="fixed inset-0" id="cover">Sign in again</div>`,
      '<form action="https://example.org"><input name="password"><button>Sign in</button></form>',
      '<video src="https://example.org/v" controls></video><audio src="x"></audio><svg><a href="x">y</a></svg>',
      '<a href="javascript:alert(1)" style="color:red">bad</a> <a href="data:text/html,x">worse</a>',
      '<dialog open>Sign in</dialog><iframe src="/"></iframe>',
    ].join('\n');
    await suite.server.call('PATCH', `/api/v1/jobs/${id}`, { summary });
    const page = await suite.openAs();
    await page.goto(`/jobs/${id}`);
    const note = page.locator('.markdown', { hasText: 'it ran' });
    await note.waitFor();
    const found = await note.evaluate((root) => {
      const all = [...root.querySelectorAll('*')];
      return {
        tags: [...new Set(all.map(({ tagName }) => tagName.toLowerCase()))].toSorted(),
        attributes: [...new Set(all.flatMap((element) => element.getAttributeNames()))].toSorted(),
        links: all.flatMap((element) => element.getAttribute('href') ?? []),
      };
    });
    expect(found.tags.filter((tag) => !['a', 'br', 'code', 'p', 'strong'].includes(tag))).toEqual([]);
    expect(found.attributes).toEqual(['href', 'rel', 'target']);
    expect(found.links).toEqual(['https://example.org/r']);
  });

  it('three jobs are triaged by three keys', async () => {
    const ids: number[] = [];
    for (const name of ['First of three', 'Second of three', 'Third of three'])
      ids.push(await submitScript(suite.server, 'measure.sh', ['1'], { name }));
    await untilState(suite.server, ids, 'succeeded');
    const page = await suite.openAs();
    await page.goto('/inbox');
    const opened = page.getByRole('article');
    await opened.getByRole('heading', { name: 'Third of three' }).waitFor();
    await page.locator('body').press('o');
    await opened.getByRole('heading', { name: 'Second of three' }).waitFor();
    await page.locator('body').press('i');
    await opened.getByRole('heading', { name: 'First of three' }).waitFor();
    await page.locator('body').press('n');
    const [first = 0, second = 0, third = 0] = ids;
    await pollUntil(
      async () =>
        [await readJob(third), await readJob(second), await readJob(first)].map(
          ({ assessment }) => assessment,
        ),
      (found) => JSON.stringify(found) === JSON.stringify(['ok', 'issue', 'not ok']),
    );
  });

  it('what failed alike is run again together, after a moment to think', async () => {
    const ids: number[] = [];
    for (const section of ['1', '2', '3'])
      ids.push(await submitScript(suite.server, 'diverge.sh', [section]));
    await untilState(suite.server, ids, 'failed');
    const page = await suite.openAs();
    await page.goto(`/?q=${encodeURIComponent('state:failed args.script:diverge.sh')}`);
    await page.getByRole('listitem').first().waitFor();
    await page.getByRole('checkbox', { name: `Select job ${ids[0]}` }).check();
    const bar = page.getByRole('toolbar', { name: 'Selected jobs' });
    await bar.getByRole('button', { name: /^All that match/ }).click();
    await bar.getByRole('button', { name: 'Retry' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Retry 3 jobs?').waitFor();
    await dialog.getByRole('button', { name: 'Retry' }).click();
    const region = page.getByRole('region', { name: 'Actions on many jobs' });
    await region.getByRole('button', { name: 'Undo' }).waitFor();
    expect((await readJob(ids[0] ?? 0)).attempt).toBe(1);
    await region.getByRole('button', { name: 'Now' }).click();
    await region.getByText('3 of 3 jobs').waitFor();
    await pollUntil(
      () => Promise.all(ids.map(readJob)),
      (jobs) => jobs.every(({ attempt, state }) => attempt === 2 && state === 'failed'),
    );
  });

  it('undo in time touches nothing', async () => {
    const id = await submitScript(suite.server, 'measure.sh', ['9'], { name: 'Left alone' });
    await untilState(suite.server, [id], 'succeeded');
    const page = await suite.openAs();
    await page.goto(`/?q=id:${id}`);
    await page.getByRole('checkbox', { name: `Select job ${id}` }).check();
    const bar = page.getByRole('toolbar', { name: 'Selected jobs' });
    await bar.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page
      .getByRole('region', { name: 'Actions on many jobs' })
      .getByRole('button', { name: 'Undo' })
      .click();
    await page.reload();
    await page.getByRole('link', { name: 'Left alone' }).waitFor();
    expect((await readJob(id)).state).toBe('succeeded');
  });
});
