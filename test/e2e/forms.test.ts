import { expect, it } from 'vitest';
import { describeInBrowser, useBrowser } from '../support/browser.ts';

describeInBrowser('forms and ways', () => {
  const suite = useBrowser();

  it('a submit that cannot be leads to the field that is missing, wherever one has scrolled', async () => {
    const page = await suite.openAs();
    await page.goto('/submit/script');
    const script = page.getByRole('combobox', { name: 'Script' });
    await script.waitFor();
    await page.evaluate(() => {
      for (const fold of document.querySelectorAll('details')) fold.open = true;
    });
    await page.mouse.wheel(0, 20_000);
    await page.getByRole('button', { name: 'Submit', exact: true }).click();
    await page.getByText('One field is not right yet.').waitFor();
    await expect.poll(() => script.evaluate((field) => field === document.activeElement)).toBe(true);
    expect(await script.evaluate((field) => field.getBoundingClientRect().top >= 0)).toBe(true);
  });

  it('the list of scripts opens where one clicks', async () => {
    const page = await suite.openAs();
    await page.goto('/submit/script');
    await page.getByRole('combobox', { name: 'Script' }).click();
    await page.getByRole('option', { name: 'touch.sh' }).click();
    await page.getByRole('list', { name: 'Argument vector' }).getByText('touch.sh').waitFor();
  });

  it('a schedule tells everything that is missing, and a wrong name at its own field alone', async () => {
    const page = await suite.openAs();
    await page.goto('/schedules/new');
    await page.getByRole('button', { name: 'Make the schedule' }).click();
    await page.getByText('2 fields are not right yet.').waitFor();
    await page.getByRole('textbox', { name: 'Name' }).first().fill('Nightly Backup');
    await page.getByRole('combobox', { name: 'Script' }).fill('touch.sh');
    await page.getByRole('option', { name: 'touch.sh' }).click();
    await page.getByRole('button', { name: 'Make the schedule' }).click();
    await page.getByText('Not accepted').waitFor();
    expect(await page.locator('[aria-invalid="true"]').count()).toBe(1);
  });

  it('a click while the server is away stays in the pages, and leads there when it is back', async () => {
    const page = await suite.openAs();
    // As in a browser that has had no time to fetch them before.
    await page.route('**/assets/FailuresPage*', (route) => route.abort('connectionrefused'));
    await page.route('**/healthz', (route) => route.abort('connectionrefused'));
    await page.goto('/');
    await page.getByRole('link', { name: 'Failures' }).first().click();
    await expect.poll(() => page.getByRole('navigation').first().isVisible()).toBe(true);
    expect(new URL(page.url()).pathname).toBe('/');
    await page.unroute('**/assets/FailuresPage*');
    await page.unroute('**/healthz');
    await page.getByRole('link', { name: 'Failures' }).first().click();
    await page.waitForURL('**/failures');
  });
});
